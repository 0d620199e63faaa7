useradd --system --home-dir /var/lib/ghost --shell /usr/sbin/nologin ghost
install -d -m 0755 /opt/ghost
install -d -m 0750 -o ghost -g ghost /var/lib/ghost
tar -xzf /var/tmp/ghost.tgz -C /opt/ghost --strip-components=1 --no-same-owner
rm -f /var/tmp/ghost.tgz
cd /opt/ghost
pnpm_install "$LITE_PARAM_NPM_REGISTRY" --frozen-lockfile
cd /

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
WorkingDirectory=/opt/ghost
Environment=NODE_ENV=production
ExecStart=/opt/node/bin/node index.js
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
    listen [::]:80 default_server;
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
