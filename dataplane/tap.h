// The kernel's interface at the other end of a net_tap port: what its queue to us had no room for,
// which the driver never hears of. Read from a file of sysfs that is kept open: it stays this
// interface's when that is renamed or goes to another namespace, and needs no lock of the kernel's
// that others hold for long.
#ifndef VIGIL_DATAPLANE_TAP_H
#define VIGIL_DATAPLANE_TAP_H

#include <stdint.h>

struct tap;

// [C] After the port has started. NULL: another driver's port, no memory, or sysfs is not to be
// had.
struct tap *tap_open(uint16_t port);
// NULL is good.
void tap_close(struct tap *t);
// Frames that the kernel dropped since the port was opened, since its queue to us was full. It
// never falls. One thread at a time; NULL: 0.
uint64_t tap_losses(struct tap *t);

#endif
