# For the application: the URL that the world knows it by.
install -d -m 0755 /etc/lite
printf '%s\n' "$LITE_URL" >/etc/lite/url
nginx_behind_proxy app
