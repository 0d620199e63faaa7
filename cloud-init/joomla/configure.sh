# What differs per instance: the database and its password, the site and its administrator.
systemctl start mariadb
mariadb <<SQL
CREATE DATABASE IF NOT EXISTS joomla CHARACTER SET utf8mb4;
CREATE OR REPLACE USER joomla@localhost IDENTIFIED BY '$LITE_SECRET_DATABASE';
GRANT ALL ON joomla.* TO joomla@localhost;
SQL
printf '%s\0' /srv/joomla/installation/joomla.php install --no-interaction \
  --site-name="$LITE_PARAM_TITLE" --admin-user="$LITE_PARAM_ADMIN_NAME" --admin-username="$LITE_PARAM_ADMIN_USER" \
  --admin-password="$LITE_SECRET_ADMIN" --admin-email="$LITE_PARAM_ADMIN_EMAIL" --db-type=mysqli --db-host=localhost \
  --db-user=joomla --db-pass="$LITE_SECRET_DATABASE" --db-name=joomla --db-prefix="j${LITE_SECRET_PREFIX:0:5}_" |
  setpriv --reuid=www-data --regid=www-data --clear-groups php /usr/local/sbin/lite-php-arguments
rm -rf /srv/joomla/installation
systemctl enable --now apache2
