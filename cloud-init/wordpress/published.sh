# WordPress's own URL: in its links, its cookies, and where it sends who comes by another name.
printf '%s' "${LITE_URL%/}" |
  setpriv --reuid=www-data --regid=www-data --clear-groups php -r '
    $url = stream_get_contents(STDIN);
    define("WP_INSTALLING", true);
    $_SERVER["HTTP_HOST"] = parse_url($url, PHP_URL_HOST);
    $_SERVER["REQUEST_METHOD"] = "GET";
    require "/usr/share/wordpress/wp-load.php";
    foreach (["siteurl", "home"] as $option) {
        update_option($option, $url);
        if (get_option($option) !== $url) {
            fwrite(STDERR, "WordPress did not take its $option\n");
            exit(1);
        }
    }
  '
apache_behind_proxy
