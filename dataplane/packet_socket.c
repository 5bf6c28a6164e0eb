// Finds a port's packet sockets among this process's files, and asks the kernel what they lost, and
// for the port's link. [C]; what was lost also the thread that reads slow ports.
#include "packet_socket.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct packet_sockets {
	uint64_t lost; // written by who asks
	uint16_t n;
	int fds[]; // by receive queue
};

static bool is_bound_to(int fd, unsigned if_index)
{
	struct sockaddr_ll at = {0};
	socklen_t domain_len = sizeof(int), len = sizeof(at);
	int domain = 0;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == 0 &&
	       domain == AF_PACKET && getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
	       (unsigned)at.sll_ifindex == if_index;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

// How many there are; at most `max` of them, in order of their numbers.
static unsigned sockets_of(unsigned if_index, int *fds, unsigned max)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	for (const struct dirent *e; dir && (e = readdir(dir));) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] == '.' || !is_bound_to(fd, if_index))
			continue;
		if (n < max)
			fds[n] = fd;
		n++;
	}
	if (dir)
		closedir(dir);
	qsort(fds, n < max ? n : max, sizeof(*fds), compare);
	return n;
}

static bool is_packet_port(uint16_t port, struct rte_eth_dev_info *info)
{
	return rte_eth_dev_info_get(port, info) == 0 &&
	       strcmp(info->driver_name, "net_af_packet") == 0;
}

struct packet_sockets *packet_socket_open(uint16_t port)
{
	struct rte_eth_dev_info info;
	struct packet_sockets *s;

	if (!is_packet_port(port, &info))
		return NULL;
	s = calloc(1, sizeof(*s) + info.max_rx_queues * sizeof(s->fds[0]));
	if (!s)
		return NULL;
	s->n = info.max_rx_queues;
	// The driver opens them in a row, one a queue.
	if (sockets_of(info.if_index, s->fds, s->n) == s->n)
		return s;
	free(s);
	return NULL;
}

void packet_socket_close(struct packet_sockets *s)
{
	free(s);
}

int packet_socket_of(const struct packet_sockets *s, uint16_t queue)
{
	return s && queue < s->n ? s->fds[queue] : -1;
}

uint64_t packet_socket_losses(struct packet_sockets *s)
{
	if (!s)
		return 0;
	for (unsigned i = 0; i < s->n; i++) {
		struct tpacket_stats stats;
		socklen_t len = sizeof(stats);

		// It counts from zero again after each answer.
		if (getsockopt(s->fds[i], SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
			s->lost += stats.tp_drops;
	}
	return s->lost;
}

// Up, and with a carrier. The flag IFF_RUNNING says that too, but up to a second late; ethtool says
// it at once, but waits for a lock of the kernel's that may be held for long. So a link stays up
// while the flag is set, and only when it is not is the carrier itself asked for, unless the link
// was down already.
static bool has_carrier(int fd, struct ifreq *request, bool was_down)
{
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};

	if (ioctl(fd, SIOCGIFFLAGS, request) || !(request->ifr_flags & IFF_UP))
		return false;
	if (request->ifr_flags & IFF_RUNNING)
		return true;
	request->ifr_data = (char *)&link;
	return !was_down && ioctl(fd, SIOCETHTOOL, request) == 0 && link.data;
}

int packet_socket_link(uint16_t port, bool was_down)
{
	static int fd = -1; // kept open: this is asked several times a second
	struct rte_eth_dev_info info;
	struct ifreq request = {0};

	if (!is_packet_port(port, &info))
		return -ENOTSUP;
	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	request.ifr_ifindex = (int)info.if_index;
	if (fd < 0)
		return 0;
	// The sockets stay with the number that their interface had.
	if (ioctl(fd, SIOCGIFNAME, &request))
		return errno == ENODEV ? -ENODEV : 0;
	return has_carrier(fd, &request, was_down);
}
