# Node.js and npm from the distribution, nginx before them, and an example application with an account of its own.
packages nodejs npm nginx
rm -f /etc/nginx/sites-enabled/default

useradd --system --home-dir /srv/app --shell /usr/sbin/nologin app
install -d -m 0755 /srv/app
cat >/srv/app/app.js <<'JS'
// The example application. Replace this file, or /srv/app as a whole, and `systemctl restart app`.
'use strict';
const http = require('node:http');
const os = require('node:os');

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
let answered = 0;

http
  .createServer((request, response) => {
    answered += 1;
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="lite-nodejs">
<title>${escape(process.env.TITLE)}</title>
</head>
<body>
<h1>${escape(process.env.TITLE)}</h1>
<p>Node.js ${process.version} on ${escape(os.hostname())}, answer ${answered}. This is /srv/app/app.js.</p>
</body>
</html>
`);
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
JS

cat >/etc/systemd/system/app.service <<'UNIT'
[Unit]
Description=Application on Node.js
After=network.target

[Service]
User=app
WorkingDirectory=/srv/app
EnvironmentFile=/etc/lite-app.env
ExecStart=/usr/bin/node app.js
Restart=on-failure
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
UNIT

cat >/etc/nginx/sites-available/app <<'CONF'
server {
    listen 80 default_server;
    listen [::]:80 default_server;
    server_tokens off;
    location / {
        proxy_pass http://127.0.0.1:3000;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
map $http_upgrade $connection_upgrade {
    default upgrade;
    '' close;
}
CONF
ln -sf ../sites-available/app /etc/nginx/sites-enabled/app
systemctl disable nginx
