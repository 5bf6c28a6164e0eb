// What sysfs says of an interface of the kernel that a port stands for, read from files that are
// kept open: they stay those of this interface when it is renamed or goes to another namespace,
// need no lock of the kernel's that others hold for long, and say when it was deleted.
#ifndef VIGIL_DATAPLANE_SYSFS_H
#define VIGIL_DATAPLANE_SYSFS_H

#include <stdbool.h>
#include <stdint.h>

#define SYSFS_TEXT_MAX 32 // a number, a MAC, a state

// [C] The directory of the interface of number `if_index` that has the port's MAC, for
// sysfs_attribute(). -1: sysfs is not to be had, or has another one there.
int sysfs_interface(uint16_t port, unsigned if_index);
// A file of it, as "statistics/tx_dropped", for the next two. -1: there is none.
int sysfs_attribute(int interface, const char *attribute);
// What is in the file now, without its newline: the length, or -errno; -ENODEV once the interface
// was deleted. About a microsecond, for a statistic what the driver takes.
int sysfs_text(int attribute, char text[SYSFS_TEXT_MAX]);
// The same of a number. False: it cannot be read.
bool sysfs_number(int attribute, uint64_t *n);

#endif
