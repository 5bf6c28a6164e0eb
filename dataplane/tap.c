// Opens a tap's files in sysfs, and reads them. [C]; what was lost also the thread that reads slow
// ports. Reading one takes about a microsecond.
#include "tap.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"

struct tap {
	int dropped, state; // files
	bool has_remote;
	uint64_t before; // dropped when the port was opened
	uint64_t lost;   // written by who asks
};

static bool files_open(struct tap *t, uint16_t port, unsigned if_index)
{
	int interface = sysfs_interface(port, if_index);

	if (interface < 0)
		return false;
	t->dropped = sysfs_attribute(interface, "statistics/tx_dropped");
	t->state = sysfs_attribute(interface, "operstate");
	close(interface);
	return t->dropped >= 0 && t->state >= 0 && sysfs_number(t->dropped, &t->before);
}

struct tap *tap_open(uint16_t port, const char *device)
{
	struct rte_eth_dev_info info;
	struct tap *t;

	if (rte_eth_dev_info_get(port, &info) || strcmp(info.driver_name, "net_tap"))
		return NULL;
	t = malloc(sizeof(*t));
	if (!t)
		return NULL;
	*t = (struct tap){
		.dropped = -1, .state = -1, .has_remote = strstr(device, ",remote=") != NULL};
	if (files_open(t, port, info.if_index))
		return t;
	tap_close(t);
	return NULL;
}

void tap_close(struct tap *t)
{
	if (!t)
		return;
	if (t->dropped >= 0)
		close(t->dropped);
	if (t->state >= 0)
		close(t->state);
	free(t);
}

uint64_t tap_losses(struct tap *t)
{
	uint64_t now;

	if (!t)
		return 0;
	if (sysfs_number(t->dropped, &now))
		t->lost = now - t->before;
	return t->lost;
}

int tap_link(const struct tap *t)
{
	char state[SYSFS_TEXT_MAX];
	int rc = t ? sysfs_text(t->state, state) : -ENOTSUP;

	if (rc <= 0)
		return rc == -ENODEV ? -ENODEV : -ENOTSUP;
	// Taps that somebody has open are "unknown" to the kernel.
	if (strcmp(state, "up") && strcmp(state, "unknown"))
		return 0;
	return t->has_remote ? -ENOTSUP : 1;
}
