# Magento Open Source and OpenSearch from archives that are checked before use; the rest from the distribution.
packages nginx mariadb-server php-fpm php-cli php-mysql php-bcmath php-curl php-gd php-intl php-mbstring php-soap \
  php-xml php-zip curl ca-certificates cron
rm -f /etc/nginx/sites-enabled/default
systemctl disable nginx

fetch "$LITE_PARAM_DOWNLOAD" "$LITE_PARAM_SHA256" /var/tmp/magento.tar.gz
fetch "$LITE_PARAM_OPENSEARCH" "$LITE_PARAM_OPENSEARCH_SHA256" /var/tmp/opensearch.tar.gz

useradd --system --home-dir /srv/magento --shell /usr/sbin/nologin --groups www-data magento
install -d -m 0755 /srv/magento /opt/opensearch
tar -xzf /var/tmp/magento.tar.gz -C /srv/magento --no-same-owner
tar -xzf /var/tmp/opensearch.tar.gz -C /opt/opensearch --strip-components=1 --no-same-owner
rm -f /var/tmp/magento.tar.gz /var/tmp/opensearch.tar.gz
if [ ! -f /srv/magento/bin/magento ] || [ ! -f /srv/magento/vendor/autoload.php ]; then
  echo 'magento: the archive has to hold bin/magento and vendor/ at its top, as `composer create-project` makes them' >&2
  exit 1
fi
if [ ! -x /opt/opensearch/bin/opensearch ]; then
  echo 'opensearch: the archive has no bin/opensearch' >&2
  exit 1
fi
chown -R magento:www-data /srv/magento

# OpenSearch for this machine alone, without its security plugin: it listens on localhost.
useradd --system --home-dir /var/lib/opensearch --create-home --shell /usr/sbin/nologin opensearch
install -d -o opensearch -g opensearch -m 0750 /var/log/opensearch
cat >/opt/opensearch/config/opensearch.yml <<'CONF'
cluster.name: magento
network.host: 127.0.0.1
discovery.type: single-node
path.data: /var/lib/opensearch
path.logs: /var/log/opensearch
plugins.security.disabled: true
CONF
printf -- '-Xms768m\n-Xmx768m\n' >/opt/opensearch/config/jvm.options.d/lite.options
chown -R opensearch:opensearch /opt/opensearch/config
cat >/etc/systemd/system/opensearch.service <<'UNIT'
[Unit]
Description=OpenSearch
After=network.target

[Service]
User=opensearch
Environment=OPENSEARCH_TMPDIR=/var/lib/opensearch/tmp
ExecStartPre=/usr/bin/install -d -m 0700 /var/lib/opensearch/tmp
ExecStart=/opt/opensearch/bin/opensearch
LimitNOFILE=65535
SuccessExitStatus=143
Restart=on-failure

[Install]
WantedBy=multi-user.target
UNIT

cat >/etc/mysql/mariadb.conf.d/90-lite.cnf <<'CONF'
[mariadbd]
skip_networking = ON
CONF
php=$(php -r 'echo PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;')
cat >"/etc/php/$php/fpm/pool.d/magento.conf" <<CONF
[magento]
user = magento
group = www-data
listen = /run/php/magento.sock
listen.owner = www-data
listen.group = www-data
pm = dynamic
pm.max_children = 8
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
php_admin_value[memory_limit] = 756M
CONF
rm -f "/etc/php/$php/fpm/pool.d/www.conf"
cat >/etc/nginx/sites-available/magento <<'CONF'
upstream fastcgi_backend {
    server unix:/run/php/magento.sock;
}
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_tokens off;
    set $MAGE_ROOT /srv/magento;
    include /srv/magento/nginx.conf.sample;
}
CONF
ln -sf ../sites-available/magento /etc/nginx/sites-enabled/magento

cat >/usr/local/sbin/lite-php-arguments <<'PHP'
<?php
// Runs a PHP program with arguments that come in on standard input, NUL between them: no other process sees them.
$arguments = explode("\0", rtrim(stream_get_contents(STDIN), "\0"));
$_SERVER['argv'] = $GLOBALS['argv'] = $arguments;
$_SERVER['argc'] = $GLOBALS['argc'] = count($arguments);
chdir('/srv/magento');
require $arguments[0];
PHP
