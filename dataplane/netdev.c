// Opens the files in sysfs of what a device has lost, [C], and reads them: the same, or the thread
// that reads slow ports.
#include "netdev.h"

#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"

static const char *const names[] = {
	"statistics/rx_missed_errors",
	"statistics/rx_fifo_errors",
	"statistics/rx_over_errors",
};

struct netdev {
	// All written by who asks.
	uint64_t lost;
	struct {
		int file;
		uint64_t last; // as it was read last
	} counters[RTE_DIM(names)];
};

static bool files_open(struct netdev *n, uint16_t port, unsigned if_index)
{
	int interface = sysfs_interface(port, if_index);
	bool all = interface >= 0;

	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		n->counters[i].file = all ? sysfs_attribute(interface, names[i]) : -1;
		all = all && sysfs_number(n->counters[i].file, &n->counters[i].last);
	}
	if (interface >= 0)
		close(interface);
	return all;
}

struct netdev *netdev_open(uint16_t port)
{
	struct rte_eth_dev_info info;
	struct netdev *n;

	if (rte_eth_dev_info_get(port, &info) || strcmp(info.driver_name, "net_af_packet"))
		return NULL;
	n = calloc(1, sizeof(*n));
	if (!n || files_open(n, port, info.if_index))
		return n;
	netdev_close(n);
	return NULL;
}

void netdev_close(struct netdev *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		if (n->counters[i].file >= 0)
			close(n->counters[i].file);
	free(n);
}

// What was lost is what a counter grew by. One that fell was reset by its driver, or has 32 bits
// and began anew: it goes on from there, and what it lost in between nobody knows.
static uint64_t grown(uint64_t *last, uint64_t now)
{
	uint64_t by = now > *last ? now - *last : 0;

	*last = now;
	return by;
}

uint64_t netdev_losses(struct netdev *n)
{
	uint64_t now;

	if (!n)
		return 0;
	// A device that was deleted says no more. One that has its name then is another one, and is
	// not the port's either (link.c).
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		if (sysfs_number(n->counters[i].file, &now))
			n->lost += grown(&n->counters[i].last, now);
	return n->lost;
}
