#!/bin/busybox sh
# First program of the rig's guest: loads modules, puts the host's root (read-only) below its own, and goes on there.
# What is written: /run and /dev/shm (memory), and /run/rig/out, a folder of the host.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin:/sbin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
# Options as modprobe would take them from our file: "options usbhid quirks=..."
options() { sed -n "s/^options ${1%.ko} //p" /modprobe.conf; }
load() { while read -r module; do insmod "/mod/$module" $(options "$module") 2>/dev/null; done < "/mod/$1.order"; }
load base
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 hostroot /mnt || { echo 'RIG no root'; poweroff -f; }
load usb
for folder in proc sys dev; do mount --move "/$folder" "/mnt/$folder"; done
mount -t tmpfs -o mode=1777 tmpfs /mnt/run
mkdir -p /mnt/run/rig/out /mnt/dev/shm /mnt/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /mnt/dev/shm
mount -t 9p -o trans=virtio,version=9p2000.L,rw,cache=none,msize=262144 rigout /mnt/run/rig/out
cp /bin/busybox /job.sh /mnt/run/rig/
ip link set lo up
# Ends even when nobody outside is left to end it.
( sleep "$(tr ' ' '\n' < /mnt/proc/cmdline 2>/dev/null | sed -n 's/^rig.limit=//p')" 2>/dev/null; poweroff -f ) &
exec chroot /mnt /run/rig/busybox sh /run/rig/job.sh
