# Apache, MariaDB and PHP, and all else of the distribution's. They are started anew for the libraries that they hold.
upgrade_packages
apache2ctl -t
systemctl restart mariadb apache2
