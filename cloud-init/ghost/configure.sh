# What differs per instance: the database and its password, the address, and the owner, who is set up before anyone can
# reach Ghost: its own set-up page would take the first who comes.
address=${LITE_ADDRESS:-$(hostname -I | cut -d ' ' -f 1)}

systemctl start mariadb
mariadb <<SQL
CREATE DATABASE IF NOT EXISTS ghost CHARACTER SET utf8mb4;
CREATE OR REPLACE USER ghost@localhost IDENTIFIED BY '$LITE_SECRET_DATABASE';
GRANT ALL ON ghost.* TO ghost@localhost;
SQL

cp -rn /opt/ghost/content /var/lib/ghost/
chown -R ghost:ghost /var/lib/ghost
install -m 0640 -g ghost /dev/null /opt/ghost/config.production.json
cat >/opt/ghost/config.production.json <<JSON
{
  "url": "http://$address/",
  "server": {"host": "127.0.0.1", "port": 2368},
  "database": {
    "client": "mysql",
    "connection": {
      "socketPath": "/run/mysqld/mysqld.sock",
      "user": "ghost",
      "password": "$LITE_SECRET_DATABASE",
      "database": "ghost"
    }
  },
  "mail": {"transport": "Direct"},
  "logging": {"transports": ["stdout"]},
  "process": "systemd",
  "paths": {"contentPath": "/var/lib/ghost/content"},
  "security": {"staffDeviceVerification": false}
}
JSON
systemctl enable --now ghost

# Values come in on standard input, NUL between them.
printf '%s\0' "$LITE_PARAM_TITLE" "$LITE_PARAM_ADMIN_NAME" "$LITE_PARAM_ADMIN_EMAIL" "$LITE_SECRET_ADMIN" "$address" |
  /opt/node/bin/node -e '
    const [blogTitle, name, email, password, address] = require("node:fs").readFileSync(0, "utf8").split("\0");
    const at = "http://127.0.0.1:2368/ghost/api/admin/authentication/setup/";
    // Ghost sends what comes by http from elsewhere to its own address; this is the header of a proxy.
    const headers = {"Content-Type": "application/json", Host: address, Origin: `http://${address}`};
    const pause = () => new Promise((resolve) => setTimeout(resolve, 1000));
    (async () => {
      let said = "nothing";
      for (let tries = 0; tries < 600; tries += 1) {
        try {
          const answer = await fetch(at, {method: "POST", headers, redirect: "manual",
            body: JSON.stringify({setup: [{name, email, password, blogTitle}]})});
          if (answer.status === 201) return;
          said = `${answer.status} ${await answer.text()}`;
          // 503: it starts, or works on its tables
          if (answer.status !== 503) break;
        } catch (error) {
          said = String(error.cause ?? error);
        }
        await pause();
      }
      console.error(`Ghost did not set up its owner: ${said}`);
      process.exit(1);
    })();
  '
systemctl enable --now nginx
