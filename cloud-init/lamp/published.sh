# For the pages: the URL that the world knows them by.
install -d -m 0755 /etc/lite
printf '%s\n' "$LITE_URL" >/etc/lite/url
apache_behind_proxy
