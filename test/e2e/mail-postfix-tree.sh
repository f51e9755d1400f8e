# A Postfix that is not installed, in a mount namespace of its own: the package's files are laid over /usr, /etc is a copy.
# Arguments: the unpacked package, a folder for the spool, whether ids are long (yes or no). Then runs a shell for standard input.
set -eu
package=$1 work=$2 long=$3

mount -n -t tmpfs -o mode=755 garrison /mnt
cp -a /etc/. /mnt
mount -n --move /mnt /etc
mount -n -t tmpfs -o mode=755 garrison /mnt
mkdir /mnt/upper /mnt/work
mount -n -t overlay -o "lowerdir=$package/usr:/usr,upperdir=/mnt/upper,workdir=/mnt/work" garrison /usr
mkdir -p /etc/postfix
cp -a "$package/etc/postfix/." /etc/postfix
sed -E 's/^((pickup|cleanup|rewrite|bounce|defer|trace|verify|flush|smtp|relay|showq|error|retry|discard|lmtp|anvil|scache|tlsmgr)[[:space:]]+(inet|unix)[[:space:]]+[^[:space:]]+[[:space:]]+[^[:space:]]+[[:space:]]+)y/\1n/; s/^smtp      inet/127.0.0.1:2526 inet/' \
  /usr/share/postfix/master.cf.dist > /etc/postfix/master.cf
printf 'postfix:x:64001:64001::/nonexistent:/usr/sbin/nologin\nalice:x:64003:64003::/nonexistent:/bin/sh\n' >> /etc/passwd
printf 'postfix:x:64001:\npostdrop:x:64002:\nalice:x:64003:\n' >> /etc/group
chown -R root:root /usr/lib/postfix
chgrp postdrop /usr/sbin/postdrop /usr/sbin/postqueue
chmod 2755 /usr/sbin/postdrop /usr/sbin/postqueue
cat > /etc/postfix/main.cf <<CONFIG
compatibility_level = 3.6
queue_directory = $work/spool
data_directory = $work/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = web1.example.net
mydestination = web1.example.net
inet_interfaces = loopback-only
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:9
enable_long_queue_ids = $long
maillog_file = /dev/stdout
alias_maps =
alias_database =
smtpd_recipient_restrictions = check_recipient_access inline:{ {hold@example.org = HOLD} }, permit_mynetworks, reject
CONFIG
mkdir -p "$work/spool" "$work/data"
chown postfix "$work/data"
ip link set lo up
postfix check > "$work/check" 2>&1
postfix start-fg > "$work/log" 2>&1 &
exec sh -eu
