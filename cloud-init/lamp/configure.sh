# What differs per instance: a database with an account and a password, and a page that proves they work.
systemctl start mariadb
mariadb <<SQL
CREATE DATABASE IF NOT EXISTS \`$LITE_PARAM_DATABASE\` CHARACTER SET utf8mb4;
CREATE OR REPLACE USER '$LITE_PARAM_DATABASE'@localhost IDENTIFIED BY '$LITE_SECRET_DATABASE';
GRANT ALL ON \`$LITE_PARAM_DATABASE\`.* TO '$LITE_PARAM_DATABASE'@localhost;
SQL

# Outside of what is served, and for the web server alone.
install -m 0640 -g www-data /dev/null /var/www/database.php
cat >/var/www/database.php <<PHP
<?php
return ['host' => 'localhost', 'name' => '$LITE_PARAM_DATABASE', 'user' => '$LITE_PARAM_DATABASE', 'password' => '$LITE_SECRET_DATABASE'];
PHP

rm -f /var/www/html/index.html
cat >/var/www/html/index.php <<'PHP'
<?php
$database = require '/var/www/database.php';
try {
    $link = new mysqli($database['host'], $database['user'], $database['password'], $database['name']);
    $version = $link->query('SELECT version()')->fetch_row()[0];
} catch (mysqli_sql_exception $e) {
    error_log($e->getMessage());
    http_response_code(503);
    exit('The database does not answer.');
}
?>
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="lite-lamp">
<title>It works</title>
</head>
<body>
<h1>It works</h1>
<p>PHP <?= htmlspecialchars(PHP_VERSION) ?> is connected to MariaDB <?= htmlspecialchars($version) ?>.</p>
<p>Your pages go to /var/www/html; how to reach the database is in /var/www/database.php.</p>
</body>
</html>
PHP
chmod 0644 /var/www/html/index.php
systemctl enable --now apache2
