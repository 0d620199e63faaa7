# What differs per instance: the start page. The title arrives as data and is escaped for HTML alone.
escape() { sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g'; }
title=$(printf '%s' "$LITE_PARAM_TITLE" | escape)
rm -f /var/www/html/index.nginx-debian.html
cat >/var/www/html/index.html <<PAGE
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="lite-nginx">
<title>$title</title>
</head>
<body>
<h1 style="white-space: pre-wrap">$title</h1>
<p>This page is /var/www/html/index.html on $LITE_NAME.</p>
</body>
</html>
PAGE
chmod 0644 /var/www/html/index.html
# The package enabled it. Saying so again makes systemd read all its units anew, seconds of a first boot.
systemctl start nginx
