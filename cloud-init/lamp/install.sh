# Apache, MariaDB and PHP from the distribution.
packages apache2 libapache2-mod-php mariadb-server php-mysql php-cli php-curl php-gd php-intl php-mbstring php-xml php-zip
sed -i 's/^ServerTokens .*/ServerTokens Prod/' /etc/apache2/conf-available/security.conf
# The example page is for the instance; until then nothing is served.
systemctl disable apache2
