// Links going down and coming up. [C] Asks every port five times a second, at once when a driver
// reports a change, without waiting for an answer; what changed is an event. [driver's interrupt
// thread] Only sets a word. What a link says depends on the device: af_packet's and tap's, of which
// the kernel is asked, follow their interface, memif's the connection.
#include <errno.h>
#include <rte_ethdev.h>
#include <string.h>

#include "link.h"
#include "log.h"
#include "packet_socket.h"
#include "tap.h"

#define POLL_TICKS (TICKS_PER_SECOND / 5)

static int on_change(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct dp *dp = arg;

	(void)port;
	(void)type;
	(void)ret;
	// Release: the driver has written the link's state before it calls.
	__atomic_store_n(&dp->link_news, 1, __ATOMIC_RELEASE);
	return 0;
}

// ixgbe's interrupt is followed by four seconds in which the driver neither hears of the next one
// nor changes what it says, so a link that was gone for a moment stays down as long. Without it
// each look reads the NIC.
static bool interrupt_delays(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_ixgbe") == 0;
}

// The device was reset by its host, or taken out. To set it up again is left to the program, which
// would have to stop all workers for it: it stays lost until the next start.
static void lose(struct dp *dp, uint16_t port)
{
	// Relaxed: nothing goes with it; where a driver says so, link_news orders it.
	__atomic_store_n(&dp->ports_lost[port], 1, __ATOMIC_RELAXED);
}

static int on_loss(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	lose(arg, port);
	return on_change(port, type, arg, ret);
}

void link_configure(const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	conf->intr_conf.lsc = info->dev_flags && (*info->dev_flags & RTE_ETH_DEV_INTR_LSC) &&
	                      !interrupt_delays(info);
	conf->intr_conf.rmv = info->dev_flags && (*info->dev_flags & RTE_ETH_DEV_INTR_RMV);
}

void link_watch(struct dp *dp, uint16_t port, const struct rte_eth_conf *conf)
{
	// Without it the state is asked for all the same.
	if (conf->intr_conf.lsc)
		(void)rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_change, dp);
	(void)rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RESET, on_loss, dp);
	(void)rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RMV, on_loss, dp);
}

void link_forget(struct dp *dp, uint16_t port)
{
	(void)rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_change, dp);
	(void)rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_RESET, on_loss, dp);
	(void)rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_RMV, on_loss, dp);
}

// What the kernel says of the link of a port that stands for an interface of its: 1, 0, -ENODEV, or
// -ENOTSUP: it is the driver that says.
static int kernel_link(const struct iface *iface)
{
	if (iface->tap)
		return tap_link(iface->tap);
	return packet_socket_link(iface->port, iface->link_known && !iface->link_up);
}

// 0, -ENODEV: there is no device any more; -EIO: the driver does not say.
static int ask(const struct iface *iface, struct rte_eth_link *link)
{
	int kernel = kernel_link(iface);

	if (kernel == -ENODEV)
		return -ENODEV;
	if (rte_eth_link_get_nowait(iface->port, link))
		return -EIO;
	if (kernel >= 0)
		link->link_status = kernel ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
	return 0;
}

// The same; without a device the link is down, whatever its driver says.
static int read_link(const struct dp *dp, const struct iface *iface, struct rte_eth_link *link)
{
	int rc = link_is_lost(dp, iface) ? -ENODEV : ask(iface, link);

	if (rc == -ENODEV)
		*link = (struct rte_eth_link){.link_status = RTE_ETH_LINK_DOWN};
	return rc;
}

bool link_read(const struct dp *dp, const struct iface *iface, struct rte_eth_link *link)
{
	return read_link(dp, iface, link) != -EIO;
}

static void say_lost(struct dp *dp, struct iface *iface)
{
	if (iface->lost_said || !link_is_lost(dp, iface))
		return;
	iface->lost_said = true;
	if (dp->log)
		log_msg(dp->log, LOG_CRITICAL, "PLATFORM", "RESET",
		        "Interface %s: its device was reset or removed and carries nothing any "
		        "more: vigild must be restarted",
		        iface->name);
}

static void look(struct dp *dp, uint16_t index)
{
	struct dp_event event = {.kind = DP_EVENT_LINK, .iface = index};
	struct iface *iface = &dp->ifaces[index];
	struct rte_eth_link link;
	int rc = read_link(dp, iface, &link);

	if (rc == -ENODEV)
		lose(dp, iface->port);
	say_lost(dp, iface);
	if (rc == -EIO)
		return;
	event.up = link.link_status == RTE_ETH_LINK_UP;
	if (iface->link_known && iface->link_up == event.up)
		return;
	// Without memory for the event the next look raises it.
	if (dp_event_add(dp, &event))
		return;
	iface->link_known = true;
	iface->link_up = event.up;
}

void link_poll(struct dp *dp)
{
	tick_t now = dp_now(dp);

	// Acquire: the driver's state behind the word is the new one.
	if (!__atomic_exchange_n(&dp->link_news, 0, __ATOMIC_ACQUIRE) &&
	    tick_diff(now, dp->links_read) < (int32_t)POLL_TICKS)
		return;
	dp->links_read = now;
	for (unsigned i = 0; i < dp->n_ports; i++)
		look(dp, (uint16_t)i);
}
