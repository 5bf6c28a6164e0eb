// Opens a tap's files in sysfs, and reads them. [C]; what was lost also the thread that reads slow
// ports. Reading one takes about a microsecond.
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define TEXT_MAX 32 // a number, a MAC, a state

struct tap {
	int dropped, state; // files
	bool has_remote;
	uint64_t before; // dropped when the port was opened
	uint64_t lost;   // written by who asks
};

// The length, or -errno.
static int read_text(int fd, char text[TEXT_MAX])
{
	ssize_t n = pread(fd, text, TEXT_MAX - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n < 0 ? -errno : (int)n;
}

static int attribute_open(int sysfs, const char *name, const char *attribute)
{
	char path[IF_NAMESIZE + 64];

	snprintf(path, sizeof(path), "class/net/%s/%s", name, attribute);
	return openat(sysfs, path, O_RDONLY | O_CLOEXEC);
}

static bool attribute_is(int sysfs, const char *name, const char *attribute, const char *wanted)
{
	int fd = attribute_open(sysfs, name, attribute);
	char text[TEXT_MAX];
	bool is = fd >= 0 && read_text(fd, text) > 0 && strcmp(text, wanted) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

// Is this the interface of the port, or another namespace's of the same name?
static bool is_of_port(int sysfs, const char *name, uint16_t port, unsigned if_index)
{
	char index[TEXT_MAX], mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct rte_ether_addr addr;

	if (rte_eth_macaddr_get(port, &addr))
		return false;
	snprintf(index, sizeof(index), "%u", if_index);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", RTE_ETHER_ADDR_BYTES(&addr));
	return attribute_is(sysfs, name, "ifindex", index) &&
	       attribute_is(sysfs, name, "address", mac);
}

// A sysfs of this process's network namespace, that nobody else sees: what is mounted at /sys may
// be another namespace's (nsenter --net). Who may not mount, as in a container, looks there.
static int sysfs_open(void)
{
	int context = fsopen("sysfs", FSOPEN_CLOEXEC), fd = -1;

	if (context >= 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (context >= 0)
		close(context);
	return fd >= 0 ? fd : open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool read_dropped(const struct tap *t, uint64_t *n)
{
	char text[TEXT_MAX];

	if (read_text(t->dropped, text) <= 0)
		return false;
	*n = strtoull(text, NULL, 10);
	return true;
}

static bool files_open(struct tap *t, uint16_t port, unsigned if_index)
{
	int sysfs = sysfs_open();
	char name[IF_NAMESIZE];

	if (sysfs >= 0 && if_indextoname(if_index, name) &&
	    is_of_port(sysfs, name, port, if_index)) {
		t->dropped = attribute_open(sysfs, name, "statistics/tx_dropped");
		t->state = attribute_open(sysfs, name, "operstate");
	}
	if (sysfs >= 0)
		close(sysfs);
	return t->dropped >= 0 && t->state >= 0 && read_dropped(t, &t->before);
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
	if (read_dropped(t, &now))
		t->lost = now - t->before;
	return t->lost;
}

int tap_link(const struct tap *t)
{
	char state[TEXT_MAX];
	int rc = t ? read_text(t->state, state) : -ENOTSUP;

	if (rc <= 0)
		return rc == -ENODEV ? -ENODEV : -ENOTSUP;
	// Taps that somebody has open are "unknown" to the kernel.
	if (strcmp(state, "up") && strcmp(state, "unknown"))
		return 0;
	return t->has_remote ? -ENOTSUP : 1;
}
