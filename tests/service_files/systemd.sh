# Starts systemd as the first process of namespaces of its own, with a unit and nothing else.
#
#   FOLDER=… unshare --mount sh systemd.sh
#
# FOLDER, which is /srv there, has units/, bin/, passwd, group and state/; the last four are also
# /usr/local/bin, /etc/passwd, /etc/group and /var/lib. The processes are in a control group of their
# own with FOLDER's name. Root alone can do this.
set -eu
if [ -z "${INSIDE:-}" ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir -p "/sys/fs/cgroup/${FOLDER##*/}"
    echo $$ >"/sys/fs/cgroup/${FOLDER##*/}/cgroup.procs"
    INSIDE=yes exec unshare --mount --cgroup --pid --ipc --uts --fork --kill-child --mount-proc sh "$0"
fi
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind "$FOLDER" /srv
mount --bind /srv/passwd /etc/passwd
mount --bind /srv/group /etc/group
mount --bind /srv/bin /usr/local/bin
mount --bind /srv/state /var/lib
mount -t tmpfs -o mode=755 tmpfs /run
for folder in /tmp /var/tmp; do mount -t tmpfs tmpfs "$folder"; done
# `container` tells systemd that the machine isn't its own.
exec env --ignore-environment container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    SYSTEMD_UNIT_PATH=/srv/units \
    /lib/systemd/systemd --system --unit=issuer.service --log-target=console --log-level=notice
