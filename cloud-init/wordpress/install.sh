# WordPress as Debian packages it: its code comes from apt alone, what an instance adds lies in /var/lib/wordpress.
# Each release packages the theme that its WordPress shows at first.
case $(. /etc/os-release && echo "$VERSION_CODENAME") in
  bookworm) theme=twentytwentythree ;;
  noble) theme=twentytwentyfour ;;
  *) theme=twentytwentyfive ;;
esac
packages wordpress "wordpress-theme-$theme" apache2 libapache2-mod-php mariadb-server \
  php-curl php-intl php-mbstring php-xml php-zip

# Its database is reached by a socket. No port at all.
cat >/etc/mysql/mariadb.conf.d/90-lite.cnf <<'CONF'
[mariadbd]
skip_networking = ON
CONF

cat >/etc/apache2/sites-available/wordpress.conf <<'CONF'
<VirtualHost *:80>
    DocumentRoot /usr/share/wordpress
    DirectoryIndex index.php
    # PHP's own limit of an upload is 2 MiB: less than a picture of today.
    php_value upload_max_filesize 64M
    php_value post_max_size 64M
    Alias /wp-content /var/lib/wordpress/wp-content
    <Directory /usr/share/wordpress>
        Options FollowSymLinks
        AllowOverride None
        Require all granted
        RewriteEngine On
        RewriteBase /
        RewriteCond %{REQUEST_FILENAME} !-f
        RewriteCond %{REQUEST_FILENAME} !-d
        RewriteRule . /index.php [L]
    </Directory>
    <Directory /var/lib/wordpress/wp-content>
        Options FollowSymLinks
        AllowOverride None
        Require all granted
    </Directory>
    # What visitors upload is served and never run.
    <Directory /var/lib/wordpress/wp-content/uploads>
        php_admin_flag engine off
    </Directory>
</VirtualHost>
CONF
sed -i 's/^ServerTokens .*/ServerTokens Prod/' /etc/apache2/conf-available/security.conf
a2enmod -q rewrite
a2dissite -q 000-default
a2ensite -q wordpress
# Not before configure is through: until then anyone could finish the installation.
systemctl disable apache2

cat >/usr/local/sbin/lite-wordpress-install <<'PHP'
<?php
// WordPress's own installation. Title, account, e-mail, password and address come in on standard input, NUL between them.
[$title, $user, $mail, $password, $url] = explode("\0", stream_get_contents(STDIN));
define('WP_INSTALLING', true);
define('WP_SITEURL', $url);
$_SERVER['HTTP_HOST'] = parse_url($url, PHP_URL_HOST);
$_SERVER['REQUEST_METHOD'] = 'GET';
// No mail server runs here, and the password is no matter for a mail.
function wp_new_blog_notification() {}
require '/usr/share/wordpress/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
// No request to itself for a trial of links: the web server is still down. They are set below.
add_filter('got_url_rewrite', '__return_false');
add_filter('pre_http_request', fn () => new WP_Error('offline', 'no network while installing'));
if (is_blog_installed()) {
    exit(0);
}
wp_install($title, $user, $mail, true, '', $password);
update_option('permalink_structure', '/%year%/%monthnum%/%day%/%postname%/');
delete_option('rewrite_rules');
if (!is_blog_installed() || is_wp_error(wp_authenticate($user, $password))) {
    fwrite(STDERR, "WordPress is not installed, or its administrator cannot log in\n");
    exit(1);
}
PHP
