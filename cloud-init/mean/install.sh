# MongoDB's server from its own archive, checked before use; Node.js, Express and Angular from the npm registry; nginx
# from the distribution. The example application shows all four at work.
packages nginx curl ca-certificates
rm -f /etc/nginx/sites-enabled/default
systemctl disable nginx

fetch "$LITE_PARAM_MONGODB" "$LITE_PARAM_MONGODB_SHA256" /var/tmp/mongodb.tgz
work=$(mktemp -d)
tar -xzf /var/tmp/mongodb.tgz -C "$work" --strip-components=1 --no-same-owner
rm -f /var/tmp/mongodb.tgz
if [ ! -f "$work/bin/mongod" ]; then
  echo 'mongodb: the archive has no bin/mongod' >&2
  exit 1
fi
install -m 0755 "$work/bin/mongod" /usr/local/bin/mongod
rm -rf "$work"
mongod --version
useradd --system --home-dir /var/lib/mongodb --shell /usr/sbin/nologin mongodb
install -d -m 0750 -o mongodb -g mongodb /var/lib/mongodb
cat >/etc/mongod.conf <<'CONF'
storage:
  dbPath: /var/lib/mongodb
  wiredTiger:
    engineConfig:
      cacheSizeGB: 0.25
net:
  bindIp: 127.0.0.1
  port: 27017
security:
  authorization: enabled
CONF
cat >/etc/systemd/system/mongod.service <<'UNIT'
[Unit]
Description=MongoDB
After=network.target

[Service]
User=mongodb
ExecStart=/usr/local/bin/mongod --config /etc/mongod.conf
LimitNOFILE=64000
Restart=on-failure
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes

[Install]
WantedBy=multi-user.target
UNIT

node_24 "$LITE_PARAM_NPM_REGISTRY"
ln -sf /opt/node/bin/node /usr/local/bin/node
useradd --system --home-dir /srv/app --shell /usr/sbin/nologin app
install -d -m 0755 /srv/app /srv/app/public
cat >/srv/app/package.json <<'JSON'
{
  "name": "app",
  "private": true,
  "type": "module",
  "dependencies": {
    "@angular/common": "22.2.6",
    "@angular/compiler": "22.2.6",
    "@angular/core": "22.2.6",
    "@angular/platform-browser": "22.2.6",
    "express": "5.3.0",
    "mongodb": "7.9.0",
    "rxjs": "7.8.2",
    "tslib": "2.9.1"
  }
}
JSON
cat >/srv/app/server.js <<'JS'
// The example application: Express answers, MongoDB counts, Angular shows. Replace it and `systemctl restart app`.
import express from 'express';
import { MongoClient } from 'mongodb';

const client = new MongoClient(process.env.MONGODB, { serverSelectionTimeoutMS: 5000 });
const visits = client.db().collection('visits');
const app = express();
app.disable('x-powered-by');

app.get('/api/health', async (request, response) => {
  try {
    await visits.findOne({});
    response.json({ application: 'lite-mean', mongodb: 'ok' });
  } catch (error) {
    console.error(error);
    response.status(503).json({ application: 'lite-mean', mongodb: 'down' });
  }
});
app.post('/api/visits', async (request, response) => {
  const counted = await visits.findOneAndUpdate({ _id: 'all' }, { $inc: { count: 1 } }, { upsert: true, returnDocument: 'after' });
  response.json({ count: counted.count });
});
for (const library of ['@angular', 'rxjs', 'tslib']) {
  app.use(`/lib/${library}`, express.static(`node_modules/${library}`, { extensions: ['js'] }));
}
app.use(express.static('public'));
app.listen(3000, '127.0.0.1');
JS
cat >/srv/app/public/index.html <<'HTML'
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="lite-mean">
<title>It works</title>
<script type="importmap">
{"imports": {
  "@angular/core": "/lib/@angular/core/fesm2022/core.mjs",
  "@angular/core/primitives/di": "/lib/@angular/core/fesm2022/primitives-di.mjs",
  "@angular/core/primitives/signals": "/lib/@angular/core/fesm2022/primitives-signals.mjs",
  "@angular/common": "/lib/@angular/common/fesm2022/common.mjs",
  "@angular/common/http": "/lib/@angular/common/fesm2022/http.mjs",
  "@angular/compiler": "/lib/@angular/compiler/fesm2022/compiler.mjs",
  "@angular/platform-browser": "/lib/@angular/platform-browser/fesm2022/platform-browser.mjs",
  "rxjs": "/lib/rxjs/dist/esm/index.js",
  "rxjs/operators": "/lib/rxjs/dist/esm/operators/index.js",
  "tslib": "/lib/tslib/tslib.es6.mjs"
}}
</script>
<script type="module" src="/main.js"></script>
</head>
<body><app-root>It starts…</app-root></body>
</html>
HTML
cat >/srv/app/public/main.js <<'JS'
// Compiled in the browser, so that it needs no build. A real application is built with Angular's own tools.
import '@angular/compiler';
import { Component, provideZonelessChangeDetection, signal } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';

class App {
  count = signal(0);
  constructor() {
    fetch('/api/visits', { method: 'POST' })
      .then((answer) => answer.json())
      .then((said) => this.count.set(said.count));
  }
}
const Root = Component({
  selector: 'app-root',
  template: '<h1>It works</h1><p>MongoDB, Express, Angular and Node.js. Visits: {{ count() }}</p>',
})(App);
bootstrapApplication(Root, { providers: [provideZonelessChangeDetection()] });
JS
cd /srv/app
pnpm_install "$LITE_PARAM_NPM_REGISTRY" --config.node-linker=hoisted
cd /

cat >/etc/systemd/system/app.service <<'UNIT'
[Unit]
Description=Application on Node.js
After=network.target mongod.service

[Service]
User=app
WorkingDirectory=/srv/app
EnvironmentFile=/etc/lite-app.env
ExecStart=/opt/node/bin/node server.js
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
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
CONF
ln -sf ../sites-available/app /etc/nginx/sites-enabled/app
