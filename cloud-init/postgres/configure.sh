# What differs per instance: an account, its database and password, and who may connect from outside.
cluster=$(find /etc/postgresql -mindepth 2 -maxdepth 2 -name main)
version=$(basename "$(dirname "$cluster")")
listen=localhost

if [ -n "$LITE_PARAM_ALLOW" ]; then
  listen='*'
  # Said twice: PostgreSQL lets nobody else in, and the packet filter does not even let others knock.
  sed -i '/^# lite:/,$d' "$cluster/pg_hba.conf"
  {
    echo '# lite: the addresses given at create, each with TLS and a password'
    for from in ${LITE_PARAM_ALLOW//,/ }; do
      [[ $from == */* ]] || from=$from/32
      echo "hostssl \"$LITE_PARAM_DATABASE\" \"$LITE_PARAM_USER\" $from scram-sha-256"
    done
  } >>"$cluster/pg_hba.conf"
  cat >/etc/nftables.conf <<NFT
#!/usr/sbin/nft -f
# Made by lite: PostgreSQL for the addresses given at create.
table inet lite_postgres
delete table inet lite_postgres
table inet lite_postgres {
  chain input {
    type filter hook input priority filter; policy accept;
    iif lo accept
    tcp dport 5432 ip saddr { $LITE_PARAM_ALLOW } accept
    tcp dport 5432 drop
  }
}
NFT
  systemctl enable nftables
  systemctl restart nftables
  # TLS with a key of this instance's own; clients check the password, and the key once they pinned it.
  tls=/etc/postgresql/lite
  install -d -m 0750 -g postgres "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$LITE_NAME" \
    -keyout "$tls/key.pem" -out "$tls/cert.pem"
  chown root:postgres "$tls/key.pem"
  chmod 0640 "$tls/key.pem"
fi

cat >"$cluster/conf.d/lite.conf" <<CONF
listen_addresses = '$listen'
password_encryption = 'scram-sha-256'
CONF
if [ "$listen" != localhost ]; then
  cat >>"$cluster/conf.d/lite.conf" <<CONF
ssl = on
ssl_cert_file = '/etc/postgresql/lite/cert.pem'
ssl_key_file = '/etc/postgresql/lite/key.pem'
CONF
else
  echo 'ssl = off' >>"$cluster/conf.d/lite.conf"
fi
systemctl restart "postgresql@$version-main"
systemctl start postgresql

# The password comes in on standard input, and never into PostgreSQL's log.
runuser -u postgres -- psql -v ON_ERROR_STOP=1 -q <<SQL
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE ROLE "$LITE_PARAM_USER" LOGIN PASSWORD '$LITE_SECRET_DATABASE';
CREATE DATABASE "$LITE_PARAM_DATABASE" OWNER "$LITE_PARAM_USER";
SQL
