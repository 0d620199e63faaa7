# Ghost's own URL. It reads its configuration when it starts.
nginx_behind_proxy ghost
printf '%s' "$LITE_URL" | /opt/node/bin/node -e '
  const fs = require("node:fs");
  const file = "/opt/ghost/config.production.json";
  const config = JSON.parse(fs.readFileSync(file, "utf8"));
  config.url = fs.readFileSync(0, "utf8");
  fs.writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
'
systemctl restart ghost
