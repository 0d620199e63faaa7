# What differs per instance: the account of the application in MongoDB, with its password. The first account is made
# from localhost before there is any; after that nobody gets in without one.
install -m 0640 -g app /dev/null /etc/lite-app.env
printf 'NODE_ENV=production\nMONGODB=mongodb://app:%s@127.0.0.1:27017/app?authSource=admin\n' \
  "$LITE_SECRET_DATABASE" >/etc/lite-app.env
systemctl enable --now mongod
cd /srv/app
printf '%s' "$LITE_SECRET_DATABASE" | node --input-type=module -e '
  import { readFileSync } from "node:fs";
  import { MongoClient } from "mongodb";
  const pwd = readFileSync(0, "utf8");
  const client = new MongoClient("mongodb://127.0.0.1:27017", {serverSelectionTimeoutMS: 120000});
  await client.db("admin").command({createUser: "app", pwd, roles: [{role: "readWrite", db: "app"}]});
  await client.close();
'
cd /
systemctl enable --now app nginx
