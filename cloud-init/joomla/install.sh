# Joomla from its own archive, checked before use; Apache, MariaDB and PHP from the distribution.
packages apache2 libapache2-mod-php mariadb-server php-mysql php-cli php-curl php-gd php-intl php-mbstring php-xml \
  php-zip curl ca-certificates
systemctl disable apache2

fetch "$LITE_PARAM_DOWNLOAD" "$LITE_PARAM_SHA256" /var/tmp/joomla.tar.gz
install -d -m 0755 -o www-data -g www-data /srv/joomla
tar -xzf /var/tmp/joomla.tar.gz -C /srv/joomla --no-same-owner
rm -f /var/tmp/joomla.tar.gz
if [ ! -f /srv/joomla/installation/joomla.php ]; then
  echo 'joomla: the archive is no full package of Joomla 5 or later: it has no installation/joomla.php' >&2
  exit 1
fi
chown -R www-data:www-data /srv/joomla

cat >/etc/mysql/mariadb.conf.d/90-lite.cnf <<'CONF'
[mariadbd]
skip_networking = ON
CONF
cat >/etc/apache2/sites-available/joomla.conf <<'CONF'
<VirtualHost *:80>
    DocumentRoot /srv/joomla
    DirectoryIndex index.php
    <Directory /srv/joomla>
        Options FollowSymLinks
        AllowOverride All
        Require all granted
    </Directory>
    # What visitors upload is served and never run.
    <Directory /srv/joomla/images>
        php_admin_flag engine off
    </Directory>
</VirtualHost>
CONF
sed -i 's/^ServerTokens .*/ServerTokens Prod/' /etc/apache2/conf-available/security.conf
a2enmod -q rewrite
a2dissite -q 000-default
a2ensite -q joomla

cat >/usr/local/sbin/lite-php-arguments <<'PHP'
<?php
// Runs a PHP program with arguments that come in on standard input, NUL between them: no other process sees them.
$arguments = explode("\0", rtrim(stream_get_contents(STDIN), "\0"));
$_SERVER['argv'] = $GLOBALS['argv'] = $arguments;
$_SERVER['argc'] = $GLOBALS['argc'] = count($arguments);
chdir(dirname($arguments[0]));
require $arguments[0];
PHP
