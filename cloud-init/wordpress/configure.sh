# What differs per instance: the database and its password, WordPress's keys and salts, the site and its administrator.
address=${LITE_ADDRESS:-$(hostname -I | cut -d ' ' -f 1)}

systemctl start mariadb
mariadb <<SQL
CREATE DATABASE IF NOT EXISTS wordpress CHARACTER SET utf8mb4;
CREATE OR REPLACE USER wordpress@localhost IDENTIFIED BY '$LITE_SECRET_DATABASE';
GRANT ALL ON wordpress.* TO wordpress@localhost;
SQL

config=/etc/wordpress/config-default.php
install -m 0640 -g www-data /dev/null "$config"
{
  echo '<?php'
  echo '// Made by lite for this instance alone.'
  echo "define('DB_NAME', 'wordpress');"
  echo "define('DB_USER', 'wordpress');"
  echo "define('DB_PASSWORD', '$LITE_SECRET_DATABASE');"
  echo "define('DB_HOST', 'localhost');"
  echo "define('DB_CHARSET', 'utf8mb4');"
  echo "define('FS_METHOD', 'direct');"
  echo "define('WP_ALLOW_MULTISITE', false);"
  echo "define('DISALLOW_FILE_EDIT', true);"
  at=0
  for word in AUTH SECURE_AUTH LOGGED_IN NONCE; do
    echo "define('${word}_KEY', '${LITE_SECRET_KEYS:at:64}');"
    echo "define('${word}_SALT', '${LITE_SECRET_SALTS:at:64}');"
    at=$((at + 64))
  done
} >"$config"

printf '%s\0' "$LITE_PARAM_TITLE" "$LITE_PARAM_ADMIN_USER" "$LITE_PARAM_ADMIN_EMAIL" "$LITE_SECRET_ADMIN" |
  { cat; printf 'http://%s' "$address"; } |
  setpriv --reuid=www-data --regid=www-data --clear-groups php /usr/local/sbin/lite-wordpress-install
systemctl enable --now apache2
