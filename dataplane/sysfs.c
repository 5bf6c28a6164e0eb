// Finds a port's interface in sysfs, [C], and reads its files: also the thread that reads slow
// ports. Nothing is kept but the files, which are the caller's.
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int sysfs_text(int attribute, char text[SYSFS_TEXT_MAX])
{
	ssize_t n = pread(attribute, text, SYSFS_TEXT_MAX - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n < 0 ? -errno : (int)n;
}

bool sysfs_number(int attribute, uint64_t *n)
{
	char text[SYSFS_TEXT_MAX];

	if (sysfs_text(attribute, text) <= 0)
		return false;
	*n = strtoull(text, NULL, 10);
	return true;
}

int sysfs_attribute(int interface, const char *attribute)
{
	return openat(interface, attribute, O_RDONLY | O_CLOEXEC);
}

static bool attribute_is(int interface, const char *attribute, const char *wanted)
{
	int fd = sysfs_attribute(interface, attribute);
	char text[SYSFS_TEXT_MAX];
	bool is = fd >= 0 && sysfs_text(fd, text) > 0 && strcmp(text, wanted) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

// Is this the interface of the port, or another namespace's of the same name?
static bool is_of_port(int interface, uint16_t port, unsigned if_index)
{
	char index[SYSFS_TEXT_MAX], mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct rte_ether_addr addr;

	if (rte_eth_macaddr_get(port, &addr))
		return false;
	snprintf(index, sizeof(index), "%u", if_index);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", RTE_ETHER_ADDR_BYTES(&addr));
	return attribute_is(interface, "ifindex", index) && attribute_is(interface, "address", mac);
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

static int interface_open(const char *name)
{
	char path[IF_NAMESIZE + 16];
	int sysfs = sysfs_open(), fd = -1;

	snprintf(path, sizeof(path), "class/net/%s", name);
	if (sysfs >= 0) {
		fd = openat(sysfs, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(sysfs);
	}
	return fd;
}

int sysfs_interface(uint16_t port, unsigned if_index)
{
	char name[IF_NAMESIZE];
	int fd = if_indextoname(if_index, name) ? interface_open(name) : -1;

	if (fd >= 0 && is_of_port(fd, port, if_index))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}
