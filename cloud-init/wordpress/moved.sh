# What was written in WordPress while it was somewhere else holds the address that it had: pictures and links in posts, comments and
# widgets. Its own `home` and `siteurl` are among that, and told again by the part published. A value in PHP's own form is read and
# written as such, since that has lengths in it.
printf '%s' "${LITE_URL%/}" |
  setpriv --reuid=www-data --regid=www-data --clear-groups php -r '
    $new = stream_get_contents(STDIN);
    define("WP_INSTALLING", true);
    $_SERVER["HTTP_HOST"] = parse_url($new, PHP_URL_HOST);
    $_SERVER["REQUEST_METHOD"] = "GET";
    require "/usr/share/wordpress/wp-load.php";
    global $wpdb;
    $host = (string) parse_url((string) get_option("siteurl"), PHP_URL_HOST);
    $to = parse_url($new);
    if ($host === "" || $host === $to["host"]) {
        exit(0);
    }
    // As text has it, and as JSON in a block of the editor does: with a backslash before each slash.
    $pattern = "~https?:(\\\\?/\\\\?/)" . preg_quote($host, "~") . "(?![\\w-]|\\.\\w)~i";
    $here = fn ($match) => $to["scheme"] . ":" . $match[1] . $to["host"];
    $moved = function ($value) use (&$moved, $pattern, $here) {
        if (is_string($value)) {
            return preg_replace_callback($pattern, $here, $value);
        }
        if (is_array($value)) {
            return array_map($moved, $value);
        }
        if ($value instanceof stdClass) {
            foreach ($value as $key => $part) {
                $value->$key = $moved($part);
            }
        }
        return $value;
    };
    $tables = [
        [$wpdb->posts, "ID", ["post_content", "post_excerpt"]],
        [$wpdb->comments, "comment_ID", ["comment_content", "comment_author_url"]],
        [$wpdb->options, "option_id", ["option_value"]],
        [$wpdb->postmeta, "meta_id", ["meta_value"]],
        [$wpdb->commentmeta, "meta_id", ["meta_value"]],
        [$wpdb->termmeta, "meta_id", ["meta_value"]],
        [$wpdb->usermeta, "umeta_id", ["meta_value"]],
    ];
    foreach ($tables as [$table, $id, $columns]) {
        foreach ($columns as $column) {
            $like = "%" . $wpdb->esc_like($host) . "%";
            foreach ($wpdb->get_col($wpdb->prepare("SELECT $id FROM $table WHERE $column LIKE %s", $like)) as $row) {
                $is = $wpdb->get_var($wpdb->prepare("SELECT $column FROM $table WHERE $id = %d", $row));
                $plain = is_serialized($is) ? unserialize($is, ["allowed_classes" => ["stdClass"]]) : $is;
                $becomes = is_serialized($is) ? serialize($moved($plain)) : $moved($plain);
                if ($plain === false || $becomes === null || $becomes === $is) {
                    continue;
                }
                if ($wpdb->update($table, [$column => $becomes], [$id => $row]) === false) {
                    fwrite(STDERR, "WordPress did not take a new $column\n");
                    exit(1);
                }
            }
        }
    }
  '
