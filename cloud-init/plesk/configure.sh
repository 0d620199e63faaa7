# What differs per instance: the administrator. The password is passed by environment, and not as an argument.
systemctl enable --now psa
PSA_PASSWORD=$LITE_SECRET_ADMIN plesk bin init_conf --init -passwd '' -name "$LITE_PARAM_ADMIN_NAME" \
  -email "$LITE_PARAM_ADMIN_EMAIL" -license_agreed true -trial_license true
