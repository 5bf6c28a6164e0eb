// NICs in place of DPDK's: net_null ports that say of themselves what the drivers of real ones do,
// and refuse what those refuse. Each port is another NIC, by its number. What is asked of it is
// written down. The functions of DPDK that have the same names are called from here.
#ifndef VIGIL_TESTS_DATAPLANE_NIC_MODEL_H
#define VIGIL_TESTS_DATAPLANE_NIC_MODEL_H

#include <dlfcn.h>
#include <errno.h>
#include <rte_ethdev.h>
#include <string.h>

#define MODEL_NICS 16u

static struct nic {
	// What it says.
	const char *driver;
	uint64_t rss;
	uint16_t reta;        // what its table has, once it is started
	uint16_t reta_before; // what it says until then
	uint64_t offloads;    // of receiving
	int vlan_filter;      // what it says to a VLAN
	int all_multicast;    // what it says to that: 0 or -errno
	int multicast;        // and to a list
	uint32_t flags;
	uint16_t tx_max;    // refuses to start with more; 0 = no matter
	bool no_interrupts; // and with those of queues

	uint64_t missed, dropped; // as a whole, and of queues that are counted
	// What it was asked for.
	struct rte_eth_conf conf;
	uint16_t n_rx, n_tx;
	struct rte_eth_rxconf rx;
	rte_eth_dev_cb_fn on_event[RTE_ETH_EVENT_MAX];
	void *on_event_arg;
	bool vlans[4096];
	unsigned vlan_calls;
	struct rte_ether_addr groups[64];
	unsigned n_groups, lists; // in the last list; how many there were
	unsigned starts;          // that were tried
	uint16_t mtu;             // before the start
	unsigned mapped;          // queues to counter 0
	bool started;
} nics[MODEL_NICS];

static inline void *model_real(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		abort();
	return fn;
}

int rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
	int (*real)(uint16_t, struct rte_eth_dev_info *) = model_real("rte_eth_dev_info_get");
	const struct nic *nic = &nics[port % MODEL_NICS];
	int rc = real(port, info);

	if (rc)
		return rc;
	info->driver_name = nic->driver;
	info->dev_flags = &nic->flags;
	info->flow_type_rss_offloads = nic->rss;
	info->rx_offload_capa = nic->offloads;
	info->reta_size = nic->started ? nic->reta : nic->reta_before;
	return 0;
}

int rte_eth_dev_configure(uint16_t port, uint16_t n_rx, uint16_t n_tx,
                          const struct rte_eth_conf *conf)
{
	int (*real)(uint16_t, uint16_t, uint16_t, const struct rte_eth_conf *) =
		model_real("rte_eth_dev_configure");
	struct nic *nic = &nics[port % MODEL_NICS];
	struct rte_eth_conf plain = *conf;

	nic->conf = *conf;
	nic->n_rx = n_rx;
	nic->n_tx = n_tx;
	// What net_null itself has no idea of.
	plain.intr_conf.lsc = 0;
	plain.rxmode.offloads = 0;
	if (strcmp(nic->driver, "net_vmxnet3") == 0 && !rte_is_power_of_2(n_rx))
		return -EINVAL;
	return real(port, n_rx, n_tx, &plain);
}

int rte_eth_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t descriptors, unsigned socket,
                           const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	int (*real)(uint16_t, uint16_t, uint16_t, unsigned, const struct rte_eth_rxconf *,
	            struct rte_mempool *) = model_real("rte_eth_rx_queue_setup");

	nics[port % MODEL_NICS].rx = conf ? *conf : (struct rte_eth_rxconf){0};
	return real(port, queue, descriptors, socket, conf, pool);
}

int rte_eth_dev_start(uint16_t port)
{
	int (*real)(uint16_t) = model_real("rte_eth_dev_start");
	struct nic *nic = &nics[port % MODEL_NICS];

	nic->starts++;
	if ((nic->tx_max && nic->n_tx > nic->tx_max) ||
	    (nic->no_interrupts && nic->conf.intr_conf.rxq))
		return -EIO;
	nic->started = real(port) == 0;
	return nic->started ? 0 : -EIO;
}

int rte_eth_dev_set_rx_queue_stats_mapping(uint16_t port, uint16_t queue, uint8_t counter)
{
	(void)queue;
	nics[port % MODEL_NICS].mapped += counter == 0;
	return 0;
}

int rte_eth_stats_get(uint16_t port, struct rte_eth_stats *stats)
{
	const struct nic *nic = &nics[port % MODEL_NICS];

	*stats = (struct rte_eth_stats){.imissed = nic->missed, .q_errors[0] = nic->dropped};
	return 0;
}

int rte_eth_dev_set_mtu(uint16_t port, uint16_t mtu)
{
	int (*real)(uint16_t, uint16_t) = model_real("rte_eth_dev_set_mtu");
	struct nic *nic = &nics[port % MODEL_NICS];

	if (!nic->started)
		nic->mtu = mtu;
	return real(port, mtu);
}

// There is a NIC with a PCI address as well.
int rte_eth_dev_get_port_by_name(const char *name, uint16_t *port)
{
	int (*real)(const char *, uint16_t *) = model_real("rte_eth_dev_get_port_by_name");

	if (strcmp(name, "0000:3b:0a.0"))
		return real(name, port);
	*port = MODEL_NICS - 1;
	return 0;
}

int rte_eth_dev_vlan_filter(uint16_t port, uint16_t vlan, int on)
{
	struct nic *nic = &nics[port % MODEL_NICS];

	nic->vlan_calls++;
	if (!(nic->conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER))
		return -ENOSYS;
	if (nic->vlan_filter == 0)
		nic->vlans[vlan] = on;
	return nic->vlan_filter;
}

int rte_eth_dev_callback_register(uint16_t port, enum rte_eth_event_type event,
                                  rte_eth_dev_cb_fn fn, void *arg)
{
	nics[port % MODEL_NICS].on_event[event] = fn;
	nics[port % MODEL_NICS].on_event_arg = arg;
	return 0;
}

// What the driver's thread does.
static inline void model_event(uint16_t port, enum rte_eth_event_type event)
{
	const struct nic *nic = &nics[port % MODEL_NICS];

	nic->on_event[event](port, event, nic->on_event_arg, NULL);
}

int rte_eth_allmulticast_enable(uint16_t port)
{
	return nics[port % MODEL_NICS].all_multicast;
}

int rte_eth_dev_set_mc_addr_list(uint16_t port, struct rte_ether_addr *groups, uint32_t n)
{
	struct nic *nic = &nics[port % MODEL_NICS];

	nic->lists++;
	if (nic->multicast)
		return nic->multicast;
	if (n > RTE_DIM(nic->groups))
		return -EINVAL;
	memcpy(nic->groups, groups, n * sizeof(*groups));
	nic->n_groups = n;
	return 0;
}

// Hash h goes to queue h modulo their number.
int rte_eth_dev_rss_reta_query(uint16_t port, struct rte_eth_rss_reta_entry64 *groups,
                               uint16_t size)
{
	const struct nic *nic = &nics[port % MODEL_NICS];

	if (size != nic->reta)
		return -EINVAL;
	for (uint16_t i = 0; i < size; i++)
		groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			i % nic->n_rx;
	return 0;
}

#endif
