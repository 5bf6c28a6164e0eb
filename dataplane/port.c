// Ethernet ports through rte_ethdev. [C] Configures them before the workers start. What a device
// can do is asked of the device; what it cannot (checksums, spreading) is done in software.
#include "port.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <rte_alarm.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <semaphore.h>
#include <stdio.h>

#include "eal.h"
#include "idle.h"
#include "link.h"
#include "log.h"
#include "multicast.h"
#include "netdev.h"
#include "packet_socket.h"
#include "pool.h"
#include "rss.h"
#include "steer.h"
#include "tap.h"
#include "vlan.h"

#define CONTROL_RING 4096
#define SEND_TRIES   4
#define RING_STANDS  ticks_from_ms(100)

static bool driver_is(const struct rte_eth_dev_info *info, const char *name)
{
	return strcmp(info->driver_name, name) == 0;
}

// Devices whose queues exist whether they are used or not: a packet in a queue that nobody reads is
// lost (af_packet's fanout group, a capture file a queue).
static bool queues_are_fixed(const struct rte_eth_dev_info *info)
{
	return driver_is(info, "net_af_packet") || driver_is(info, "net_pcap");
}

// May the control core have a TX queue beyond the workers'? Not where a queue has side effects: tap
// wants as many RX as TX queues, memif's and ring's other side must read every one of them, virtio
// and netvsc count pairs and receive on all.
static bool spare_tx_queue(const struct rte_eth_dev_info *info, uint16_t n_tx)
{
	static const char *const paired[] = {"net_af_",  "net_pcap",   "net_tap",   "net_memif",
	                                     "net_ring", "net_virtio", "net_vhost", "net_netvsc"};

	for (unsigned i = 0; i < RTE_DIM(paired); i++)
		if (strncmp(info->driver_name, paired[i], strlen(paired[i])) == 0)
			return false;
	return info->max_tx_queues > n_tx;
}

// ---- opening ---------------------------------------------------------------------------------

// EAL writes PCI addresses in small letters.
static void name_lower(char *name)
{
	for (; *name; name++)
		*name = (char)tolower(*name);
}

int port_find(const char *device, uint16_t *port)
{
	char name[DP_DEVICE_MAX];
	size_t len = strcspn(device, ",");

	if (len >= sizeof(name))
		return -EINVAL;
	memcpy(name, device, len);
	name[len] = '\0';
	if (eal_is_pci(name))
		name_lower(name);
	if (rte_eth_dev_get_port_by_name(name, port) == 0)
		return 0;
	// A PCI address may be written without its domain.
	if (strlen(name) + 5 < sizeof(name)) {
		char full[DP_DEVICE_MAX + 8];

		snprintf(full, sizeof(full), "0000:%s", name);
		return rte_eth_dev_get_port_by_name(full, port);
	}
	return -ENODEV;
}

// vmxnet3 of a revision below 6 refuses any other number of receive queues, and does not say which
// revision it is.
static void take_power_of_two(struct dp *dp, struct iface *iface)
{
	uint16_t n = (uint16_t)rte_align32prevpow2(iface->n_rx);

	if (n < iface->n_rx && dp->log)
		log_msg(dp->log, LOG_NOTICE, "PLATFORM", "QUEUES",
		        "Interface %s: %u receive queues, since net_vmxnet3 may take no number "
		        "but a power of two",
		        iface->name, n);
	iface->n_rx = iface->n_tx = n;
}

// `asked` receive queues; 0 = one for each worker.
static void choose_queues(struct dp *dp, uint16_t index, uint16_t asked,
                          const struct rte_eth_dev_info *info)
{
	struct iface *iface = &dp->ifaces[index];
	uint16_t workers = (uint16_t)dp->n_workers;
	uint16_t wanted = asked ? asked : workers;

	if (queues_are_fixed(info)) {
		iface->n_rx = info->max_rx_queues;
		iface->n_tx = info->max_tx_queues;
	} else if (driver_is(info, "net_memif")) {
		// The other side decides how many rings there are; one there always is.
		iface->n_rx = 1;
		iface->n_tx = 1;
	} else {
		iface->n_rx = RTE_MIN(wanted, RTE_MIN(info->max_rx_queues, info->max_tx_queues));
		iface->n_tx = iface->n_rx;
	}
	if (driver_is(info, "net_vmxnet3"))
		take_power_of_two(dp, iface);
	iface->control_queue = spare_tx_queue(info, iface->n_tx) ? iface->n_tx : -1;
	iface->first_worker = iface->n_rx < workers ? index % workers : 0;
}

// Drivers whose NIC waits with a packet until its queue has room, and so with those of all queues,
// unless it is told to drop it (82599, X540, X550; I225), and that say how many they dropped then.
// igb's would wait too, but it does not say, and what is lost unseen would be taken for a peer's
// silence.
static bool queues_may_drop(const struct rte_eth_dev_info *info)
{
	return driver_is(info, "net_ixgbe") || driver_is(info, "net_igc");
}

static int setup_rx(const struct iface *iface, uint16_t queue, uint16_t descriptors,
                    const struct rte_eth_dev_info *info, struct rte_mempool *pool)
{
	int socket = rte_eth_dev_socket_id(iface->port);
	struct rte_eth_rxconf conf = info->default_rxconf;

	conf.rx_drop_en = 1;
	// igc counts by queue only what it is told to, ixgbe all in the first anyway.
	if (iface->queues_drop)
		(void)rte_eth_dev_set_rx_queue_stats_mapping(iface->port, queue, 0);
	return rte_eth_rx_queue_setup(iface->port, queue, descriptors, (unsigned)socket,
	                              iface->queues_drop ? &conf : NULL, pool);
}

static int setup_queues(struct dp *dp, struct iface *iface, uint16_t n_tx,
                        const struct rte_eth_dev_info *info)
{
	uint16_t rxd = PORT_DESCRIPTORS, txd = PORT_DESCRIPTORS;
	struct rte_mempool *pool = pool_of_port(dp, iface->port);
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(iface->port, &rxd, &txd);
	int socket = rte_eth_dev_socket_id(iface->port);

	for (uint16_t q = 0; rc == 0 && q < iface->n_rx; q++)
		rc = setup_rx(iface, q, rxd, info, pool);
	for (uint16_t q = 0; rc == 0 && q < n_tx; q++)
		rc = rte_eth_tx_queue_setup(iface->port, q, txd, (unsigned)socket, NULL);
	return rc;
}

// Deals the RX queues out. Ports with fewer queues than workers begin with different workers.
static int deal_queues(struct dp *dp, uint16_t index)
{
	struct iface *iface = &dp->ifaces[index];

	for (uint16_t q = 0; q < iface->n_rx; q++) {
		struct worker *w = dp->workers[iface_worker(dp, iface, q)];

		if (w->n_rxqs == WORKER_RXQ_MAX)
			return -ENOSPC;
		w->rxqs[w->n_rxqs++] = (struct worker_rxq){.iface = index,
		                                           .port = iface->port,
		                                           .queue = q,
		                                           .ring = {.slots = iface->ring_slots}};
	}
	return 0;
}

// What the device says of its longest MTU. Some virtual ones say nothing true: what their frames or
// buffers hold passes.
static uint16_t device_mtu_max(const struct rte_eth_dev_info *info)
{
	static const char *const silent[] = {"net_af_packet", "net_memif", "net_pcap", "net_ring"};
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	for (unsigned i = 0; i < RTE_DIM(silent); i++)
		if (driver_is(info, silent[i]))
			return UINT16_MAX;
	if (info->max_mtu != UINT16_MAX)
		return info->max_mtu;
	return (uint16_t)RTE_MIN(UINT16_MAX, RTE_MAX(info->max_rx_pktlen, overhead) - overhead);
}

// Frames that are longer than the buffers: in pieces, if the port was asked to. The device is told
// its MTU here too, since many choose by it how they receive.
static void configure_frames(struct dp *dp, struct iface *iface, uint16_t mtu,
                             const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	bool scatter = dp->scatter && mtu > POOL_MTU_SMALL;

	iface->mtu_device = device_mtu_max(info);
	iface->mtu_max = scatter ? POOL_MTU_MAX : dp->pool_mtu;
	iface->mtu_max = RTE_MIN(iface->mtu_max, iface->mtu_device);
	if (scatter)
		conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	if (mtu > RTE_ETHER_MTU && mtu <= info->max_mtu &&
	    mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 0u <= info->max_rx_pktlen)
		conf->rxmode.mtu = mtu;
}

static int start(struct dp *dp, struct iface *iface, const struct rte_eth_dev_info *info,
                 const struct rte_eth_conf *conf)
{
	uint16_t n_tx = iface->n_tx + (iface->control_queue >= 0);
	int rc = rte_eth_dev_configure(iface->port, iface->n_rx, n_tx, conf);

	// ENA's device hears of its MTU in no other way. Who cannot be told, or says no, has
	// complained.
	if (rc == 0 && conf->rxmode.mtu)
		(void)rte_eth_dev_set_mtu(iface->port, (uint16_t)conf->rxmode.mtu);
	if (rc == 0)
		rc = setup_queues(dp, iface, n_tx, info);
	return rc ? rc : rte_eth_dev_start(iface->port);
}

// Without what some devices offer and then refuse: interrupts of queues for want of vectors, or
// beside those of the link; a spare queue (iavf says 256, whatever its VF has).
static int start_with_less(struct dp *dp, struct iface *iface, const struct rte_eth_dev_info *info,
                           struct rte_eth_conf *conf)
{
	const uint32_t interrupts = conf->intr_conf.rxq;
	int rc = start(dp, iface, info, conf);

	while (rc && (conf->intr_conf.rxq || iface->control_queue >= 0)) {
		if (conf->intr_conf.rxq) {
			conf->intr_conf.rxq = 0;
		} else {
			conf->intr_conf.rxq = interrupts;
			iface->control_queue = -1;
		}
		rc = start(dp, iface, info, conf);
	}
	return rc;
}

// VFs to which their host gives no VLAN but those that they have asked for.
static bool asks_for_vlans(const struct rte_eth_dev_info *info)
{
	return (driver_is(info, "net_ixgbe_vf") || driver_is(info, "net_e1000_igb_vf")) &&
	       info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
}

static int configure(struct dp *dp, uint16_t index, const struct dp_port_config *config,
                     const struct rte_eth_dev_info *info)
{
	struct iface *iface = &dp->ifaces[index];
	struct rte_eth_conf conf = {.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE};
	int rc;

	choose_queues(dp, index, config->rx_queues, info);
	if (iface->n_rx == 0 || iface->n_tx == 0)
		return -ENOTSUP;
	iface->queues_drop = queues_may_drop(info);
	if (driver_is(info, "net_memif"))
		iface->ring_slots = memif_ring_slots(config->device);
	iface->rx_checksum = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	if (iface->rx_checksum)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	configure_frames(dp, iface, config->mtu, info, &conf);
	link_configure(info, &conf);
	idle_configure(dp, &conf);
	iface->asks_for_vlans = asks_for_vlans(info);
	if (iface->asks_for_vlans)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
	if (config->vlans)
		conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	rc = rss_configure(iface, info, &conf);
	if (rc == 0)
		rc = start_with_less(dp, iface, info, &conf);
	if (rc == 0)
		link_watch(dp, iface->port, &conf);
	if (rc == 0) {
		rss_read_table(iface);
		steer_start(dp, index, config->vlans);
	}
	if (rc == 0)
		multicast_start(dp, index, info);
	return rc;
}

static int make_control_ring(struct iface *iface, uint16_t index)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "control_%u", index);
	iface->control_ring =
		rte_ring_create(name, CONTROL_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return iface->control_ring ? 0 : -ENOMEM;
}

// Two ports of one of these drivers may be given one interface of the kernel. It would deal out to
// both what comes in, and which of them lost what it cannot say.
static int refuse_shared(const struct dp *dp, uint16_t index, const struct rte_eth_dev_info *info,
                         char *err, size_t err_size)
{
	struct rte_eth_dev_info other;
	char name[IF_NAMESIZE] = "?";

	if (!driver_is(info, "net_af_packet") && !driver_is(info, "net_tap"))
		return 0;
	for (uint16_t i = 0; i < index; i++) {
		if (rte_eth_dev_info_get(dp->ifaces[i].port, &other) ||
		    !driver_is(&other, info->driver_name) || other.if_index != info->if_index)
			continue;
		(void)if_indextoname(info->if_index, name);
		snprintf(err, err_size,
		         "interface %s: %s is the device of interface %s already; two %s ports "
		         "cannot share it",
		         dp->ifaces[index].name, name, dp->ifaces[i].name, info->driver_name);
		return -EBUSY;
	}
	return 0;
}

int port_open(struct dp *dp, uint16_t index, const struct dp_port_config *config, char *err,
              size_t err_size)
{
	struct iface *iface = &dp->ifaces[index];
	struct rte_eth_dev_info info;
	uint16_t mtu;
	int rc;

	iface->port = UINT16_MAX;
	iface->main = index;
	snprintf(iface->name, sizeof(iface->name), "%s", config->name);
	rc = port_find(config->device, &iface->port);
	if (rc) {
		snprintf(err, err_size, "interface %s: no device \"%s\"%s%s", config->name,
		         config->device, dp->eal_error[0] ? ": " : "", dp->eal_error);
		return -ENODEV;
	}
	rc = rte_eth_dev_info_get(iface->port, &info);
	if (rc == 0 && refuse_shared(dp, index, &info, err, err_size))
		return -EBUSY;
	if (rc == 0)
		rc = configure(dp, index, config, &info);
	if (rc == 0)
		rc = rte_eth_macaddr_get(iface->port, &iface->mac);
	if (rc == 0)
		rc = make_control_ring(iface, index);
	if (rc == 0)
		rc = deal_queues(dp, index);
	if (rc) {
		snprintf(err, err_size, "interface %s, device \"%s\": cannot be started: %s",
		         config->name, config->device, strerror(-rc));
		return rc;
	}
	iface->sockets = packet_socket_open(iface->port);
	iface->netdev = netdev_open(iface->port);
	iface->tap = tap_open(iface->port, config->device);
	iface->mtu = rte_eth_dev_get_mtu(iface->port, &mtu) ? RTE_ETHER_MTU : mtu;
	iface->mtu = RTE_MIN(iface->mtu, iface->mtu_max);
	return 0;
}

// ---- closing ---------------------------------------------------------------------------------

struct closing {
	uint16_t port;
	sem_t done;
};

static void close_now(uint16_t port)
{
	rte_eth_dev_stop(port);
	rte_eth_dev_close(port);
}

static void close_aside(void *arg)
{
	struct closing *c = arg;

	close_now(c->port);
	sem_post(&c->done);
}

// DPDK's interrupt thread, which hears that the other side of a memif is gone, frees then what
// closing the port frees too, and there is no lock: so this is left to that thread, where one comes
// after the other.
static void close_device(uint16_t port)
{
	struct closing c = {.port = port};
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port, &info) || !driver_is(&info, "net_memif")) {
		close_now(port);
		return;
	}
	sem_init(&c.done, 0, 0);
	if (rte_eal_alarm_set(1, close_aside, &c) == 0) {
		while (sem_wait(&c.done) && errno == EINTR)
			;
	} else {
		close_now(port);
	}
	sem_destroy(&c.done);
}

void port_close(struct dp *dp, uint16_t index)
{
	struct iface *iface = &dp->ifaces[index];
	struct rte_mbuf *m;

	if (iface->port != UINT16_MAX) {
		link_forget(dp, iface->port);
		steer_stop(dp, index);
		close_device(iface->port);
	}
	while (iface->control_ring && rte_ring_sc_dequeue(iface->control_ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(iface->control_ring);
	iface->control_ring = NULL;
	rss_free(iface);
	multicast_stop(iface);
	packet_socket_close(iface->sockets);
	iface->sockets = NULL;
	netdev_close(iface->netdev);
	iface->netdev = NULL;
	tap_close(iface->tap);
	iface->tap = NULL;
}

// ---- sending from the control core -----------------------------------------------------------

static int refused(struct dp *dp, struct iface *iface, struct rte_mbuf *m)
{
	rte_pktmbuf_free(m);
	iface->control_drops++;
	iface->full_at = dp_now(dp);
	dp->full_at = iface->full_at;
	return -EAGAIN;
}

// Does what is in the ring not move any more, since the port or the worker stands still? What
// joined it would be sent much later, if at all.
static bool ring_stands(struct dp *dp, struct iface *port)
{
	uint32_t waiting = rte_ring_count(port->control_ring);
	uint32_t taken = port->ring_sent - waiting;
	tick_t now = dp_now(dp);

	if (waiting == 0 || taken != port->ring_taken) {
		port->ring_taken = taken;
		port->ring_moved = now;
	}
	return tick_diff(now, port->ring_moved) > (int32_t)RING_STANDS;
}

static int ring_send(struct dp *dp, struct iface *iface, struct rte_mbuf *m)
{
	struct iface *port = &dp->ifaces[iface->main];

	if (ring_stands(dp, port) || rte_ring_sp_enqueue(port->control_ring, m))
		return refused(dp, iface, m);
	port->ring_sent++;
	idle_ring(dp, iface->first_worker);
	return 0;
}

int port_send(struct dp *dp, uint16_t index, struct rte_mbuf *frame)
{
	struct iface *iface = &dp->ifaces[index];

	packet_of(frame)->kind = PACKET_FRAME;
	packet_of(frame)->out = index;
	if (iface->control_queue < 0)
		return ring_send(dp, iface, frame);
	if (iface->vlan && !vlan_tag(frame, iface->vlan)) {
		rte_pktmbuf_free(frame);
		return -EMSGSIZE;
	}
	for (unsigned i = 0; i < SEND_TRIES; i++)
		if (rte_eth_tx_burst(iface->port, (uint16_t)iface->control_queue, &frame, 1))
			return 0;
	return refused(dp, iface, frame);
}

int port_send_by_worker(struct dp *dp, uint16_t index, struct rte_mbuf *m)
{
	packet_of(m)->kind = packet_is_ipv6(m) ? PACKET_ROUTE6 : PACKET_ROUTE;
	return ring_send(dp, &dp->ifaces[index], m);
}
