// The kernel's interface at the other end of a net_tap port: what its queue to us had no room for,
// which the driver never hears of, and whether it is up, of which the driver asks whatever has its
// name now. See sysfs.h.
#ifndef VIGIL_DATAPLANE_TAP_H
#define VIGIL_DATAPLANE_TAP_H

#include <stdint.h>

struct tap;

// [C] After the port has started; `device` is its device string. NULL: another driver's port, no
// memory, or sysfs is not to be had.
struct tap *tap_open(uint16_t port, const char *device);
// NULL is good.
void tap_close(struct tap *t);
// Frames that the kernel dropped since the port was opened, since its queue to us was full. It
// never falls. One thread at a time; NULL: 0.
uint64_t tap_losses(struct tap *t);
// [C] Is the interface up, and has it a carrier? 1, 0, -ENODEV: it was deleted, and one of its name
// would be another one; or -ENOTSUP: what the driver says is all there is, as of NULL and of a tap
// that stands for another interface (remote=).
int tap_link(const struct tap *t);

#endif
