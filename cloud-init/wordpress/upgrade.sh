# WordPress as Debian packages it, Apache, MariaDB and PHP, and all else of the distribution's; then what WordPress makes of its
# tables for the version that is there now. Plugins and themes are its administrator's.
upgrade_packages
apache2ctl -t
systemctl restart mariadb
setpriv --reuid=www-data --regid=www-data --clear-groups php -r '
    define("WP_INSTALLING", true);
    $_SERVER["HTTP_HOST"] = "localhost";
    $_SERVER["REQUEST_METHOD"] = "GET";
    require "/usr/share/wordpress/wp-load.php";
    require ABSPATH . "wp-admin/includes/upgrade.php";
    if (!is_blog_installed()) {
        fwrite(STDERR, "WordPress does not find its tables\n");
        exit(1);
    }
    wp_upgrade();
  '
systemctl restart apache2
