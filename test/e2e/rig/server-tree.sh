# Makes the tree of a server for tests, in a mount namespace of its own: what daemons write to is a tmpfs each, /etc a copy. The
# host keeps all of its own. Becomes keeper.py, whose path it is given.
set -eu

own() { # MODE PATH
  mount -n -t tmpfs -o "mode=$1" rig "$2" # -n: mount(8) takes no notes in the host's /run
}

own 755 /run

# A copy, for a layer (overlayfs) would be another kind of file system to what is tested.
own 755 /mnt
cp -a /etc/. /mnt
mount -n --move /mnt /etc

own 755 /mnt
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fd /dev/std* /mnt
mkdir -m 755 /mnt/pts
mkdir -m 1777 /mnt/shm
mount -n -t devpts -o newinstance,ptmxmode=666,mode=620,gid=tty rig /mnt/pts
ln -s pts/ptmx /mnt/ptmx
mount -n --move /mnt /dev

own 755 /var/spool
own 755 /var/log
own 755 /var/www
own 755 /home
if [ -d /var/lib/dovecot ]; then own 755 /var/lib/dovecot; fi
if [ -d /var/cache/modsecurity ]; then own 1777 /var/cache/modsecurity; fi
own 2775 /var/mail
chgrp mail /var/mail

install -d /run/sshd /run/vsftpd/empty /run/dovecot /run/apache2 /run/lock/apache2 /var/spool/rsyslog
install -d -m 1777 /run/lock
install -d -m 750 -o Debian-exim -g Debian-exim /run/exim4 /var/spool/exim4
install -d -m 2750 -o Debian-exim -g adm /var/log/exim4
install -d -m 750 -o root -g adm /var/log/apache2 /var/log/nginx /var/log/proftpd /var/log/pure-ftpd
# The users that Debian's Postfix has; daemons.ts names them.
(
  cd /var/spool
  install -d postfix postfix/pid
  for queue in active bounce corrupt defer deferred flush hold incoming private saved trace data; do
    install -d -m 700 -o 2101 "postfix/$queue"
  done
  install -d -m 730 -o 2101 -g 2102 postfix/maildrop
  install -d -m 710 -o 2101 -g 2102 postfix/public
)
install -m 664 -g utmp /dev/null /run/utmp
install -m 664 -g utmp /dev/null /var/log/wtmp
install -m 664 -g utmp /dev/null /var/log/lastlog
install -m 660 -g utmp /dev/null /var/log/btmp

hostname web1
exec python3 "$1"
