// The kernel's network device below a net_af_packet port, as a NIC with its driver in the kernel:
// what it lost before the kernel, and so the port's sockets, had it. See sysfs.h.
//
// That is (if_link.h, struct rtnl_link_stats64) rx_missed_errors, for which it had no buffer, and
// rx_fifo_errors and rx_over_errors, which drivers use for the same or for an overflow of their own
// memory: some of them say one loss in two, so a sum of the three may be too high. What overflows a
// device of software is not there: of a veth, it is the sender that counts it.
//
// rx_dropped is not asked. It has losses of some drivers (virtio_net), but also what the kernel's
// protocols do not want after the socket had it, as an LLDP frame with a VLAN tag, and with some
// drivers what a MAC filter refused. A neighbour that sends such frames for ever would make every
// window one in which we could not hear, and every death four times as late. Nor are frames asked
// for that came in broken (rx_crc_errors): the wire is no loss of ours, and is what five probes are
// for. A driver that asks its NIC once a second says a loss that much later, perhaps in the next
// window.
#ifndef VIGIL_DATAPLANE_NETDEV_H
#define VIGIL_DATAPLANE_NETDEV_H

#include <stdint.h>

struct netdev;

// [C] After the port has started. NULL: another driver's port, no memory, or sysfs is not to be
// had.
struct netdev *netdev_open(uint16_t port);
// NULL is good.
void netdev_close(struct netdev *n);
// Frames that the device lost since the port was opened. It never falls, whatever the device's own
// counters do. Takes what the driver takes, often microseconds, of some NICs many: port_stats.c
// sees to it. One thread at a time; NULL: 0.
uint64_t netdev_losses(struct netdev *n);

#endif
