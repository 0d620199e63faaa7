# What differs per instance: the title. systemd reads the file; in its double quotes these three are special.
title=$(printf '%s' "$LITE_PARAM_TITLE" | sed -e 's/[\\"`$]/\\&/g')
install -m 0640 -g app /dev/null /etc/lite-app.env
printf 'PORT=3000\nNODE_ENV=production\nTITLE="%s"\n' "$title" >/etc/lite-app.env
systemctl enable --now app nginx
