# What differs per instance: the database and its password, the shop's address and its administrator.
address=${LITE_ADDRESS:-$(hostname -I | cut -d ' ' -f 1)}
systemctl start mariadb
systemctl enable --now opensearch
mariadb <<SQL
CREATE DATABASE IF NOT EXISTS magento CHARACTER SET utf8mb4;
CREATE OR REPLACE USER magento@localhost IDENTIFIED BY '$LITE_SECRET_DATABASE';
GRANT ALL ON magento.* TO magento@localhost;
SQL
curl -fsS --retry 60 --retry-delay 2 --retry-all-errors -o /dev/null http://127.0.0.1:9200/
printf '%s\0' /srv/magento/bin/magento setup:install --no-interaction --base-url="http://$address/" \
  --db-host=localhost --db-name=magento --db-user=magento --db-password="$LITE_SECRET_DATABASE" \
  --backend-frontname=admin --key="$LITE_SECRET_KEY" --search-engine=opensearch --opensearch-host=127.0.0.1 \
  --opensearch-port=9200 --admin-firstname="$LITE_PARAM_ADMIN_NAME" --admin-lastname=Owner \
  --admin-email="$LITE_PARAM_ADMIN_EMAIL" --admin-user="$LITE_PARAM_ADMIN_USER" --admin-password="$LITE_SECRET_ADMIN" |
  setpriv --reuid=magento --regid=www-data --clear-groups php -d memory_limit=2G /usr/local/sbin/lite-php-arguments
printf '%s\n' '* * * * * magento php /srv/magento/bin/magento cron:run >/dev/null 2>&1' >/etc/cron.d/magento
php=$(php -r 'echo PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION;')
systemctl enable --now "php$php-fpm" nginx
