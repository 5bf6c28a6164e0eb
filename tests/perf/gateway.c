// Sets up and takes down what a measurement needs of a gateway. One thread: as control core it
// calls the contract, as worker it takes the messages. Nothing here is timed.
#include "gateway.h"

#include <errno.h>

#include "addr.h"
#include "esp.h"
#include "sa_fill.h"

#define INSIDE_ADDRESS  0xac100001u // 172.16.0.1
#define INSIDE_HOP      0xac100002u
#define OUTSIDE_ADDRESS 0xc0000201u // 192.0.2.1
#define OUTSIDE_HOP     0xc00002feu
#define FIRST_PEER      0x64400000u // 100.64.0.0 and up
#define IKE_SAS         16u
#define EVENTS          64u
// Longer than any measurement, so that no peer is doubted; the question is asked all the same.
#define DOUBT (3600 * TICKS_PER_SECOND)

// ---- interfaces and routes -------------------------------------------------------------------

static int iface_up(struct gateway *g, uint16_t iface, uint32_t address, uint32_t hop, uint16_t mtu)
{
	static const uint8_t mac[6] = {0x02, 0, 0, 0, 0, 0x99};
	struct dp_iface_config config = {.address = addr_v4(address),
	                                 .mtu = mtu,
	                                 .up = true,
	                                 .crypto_map = iface == GATEWAY_OUTSIDE};
	struct ip_addr next = addr_v4(hop);
	int err;

	config.network = prefix_make(&config.address, 24);
	err = dp_iface_set(g->dp, iface, &config);
	return err ? err : dp_neighbour_set(g->dp, iface, &next, mac);
}

static int route_add(struct gateway *g, uint32_t network, uint8_t len, uint32_t hop, uint16_t iface)
{
	struct ip_addr addr = addr_v4(network), next = addr_v4(hop);
	struct ip_prefix prefix = prefix_make(&addr, len);

	return dp_route_add(g->dp, &prefix, &next, iface);
}

static int network_up(struct gateway *g, uint16_t mtu)
{
	int err = iface_up(g, GATEWAY_INSIDE, INSIDE_ADDRESS, INSIDE_HOP, mtu);

	if (err == 0)
		err = iface_up(g, GATEWAY_OUTSIDE, OUTSIDE_ADDRESS, OUTSIDE_HOP, mtu);
	if (err == 0)
		err = route_add(g, GATEWAY_LOCAL_HOST, 16, INSIDE_HOP, GATEWAY_INSIDE);
	if (err == 0)
		err = route_add(g, 0, 0, OUTSIDE_HOP, GATEWAY_OUTSIDE);
	return err;
}

int gateway_start(struct gateway *g, const struct gateway_config *c, char *err, size_t err_size)
{
	const struct dp_port_config ports[GATEWAY_IFACES] = {
		[GATEWAY_INSIDE] = {.name = "inside", .device = "net_null0,no-rx=1", .mtu = c->mtu},
		[GATEWAY_OUTSIDE] = {.name = "outside",
	                             .device = "net_null1,no-rx=1",
	                             .mtu = c->mtu},
	};
	const struct dp_config config = {
		.ports = ports,
		.n_ports = GATEWAY_IFACES,
		.worker_cpus = &c->cpu,
		.n_workers = 1,
		.control_cpu = c->cpu,
		.memory_mb = c->memory_mb,
		.hugepages = c->hugepages,
		.max_peers = c->max_flows,
		.max_tunnels = c->max_flows,
		.max_sas = 2 * c->max_flows + 2, // and a pair for gateway_rekey()
		.max_ike_sas = IKE_SAS,
	};
	int rc;

	memset(g, 0, sizeof(*g));
	g->max_flows = c->max_flows;
	g->flows = calloc(c->max_flows, sizeof(*g->flows));
	g->mgr = alloc_mb_mgr(0);
	if (!g->flows || !g->mgr) {
		gateway_stop(g);
		return -ENOMEM;
	}
	init_mb_mgr_auto(g->mgr, NULL);
	g->dp = dp_prepare(&config, NULL, err, err_size);
	rc = g->dp ? network_up(g, c->mtu) : -errno;
	if (rc == 0) {
		g->worker = g->dp->workers[0];
		stats_init(&g->worker->stats); // as the worker does on its core
		return 0;
	}
	if (g->dp)
		snprintf(err, err_size, "interfaces and routes: %s", strerror(-rc));
	gateway_stop(g);
	return rc;
}

void gateway_stop(struct gateway *g)
{
	dp_stop(g->dp);
	if (g->mgr)
		free_mb_mgr(g->mgr);
	free(g->flows);
	memset(g, 0, sizeof(*g));
}

// ---- flows -----------------------------------------------------------------------------------

static struct sa_spec flow_spec(const struct gateway *g, uint32_t i)
{
	struct sa_spec spec = suite_spec(g->suite, i);
	struct ip_addr local = addr_v4(GATEWAY_LOCAL_HOST),
		       remote = addr_v4(GATEWAY_REMOTE_HOST + i);

	spec.local = addr_v4(OUTSIDE_ADDRESS);
	spec.remote = addr_v4(FIRST_PEER + i);
	spec.selector.local = prefix_make(&local, 16);
	spec.selector.remote = prefix_host(&remote);
	if (g->vary)
		g->vary(&spec, i);
	return spec;
}

static int flow_policy(struct gateway *g, uint32_t i, const struct selector *selector)
{
	struct flow *f = &g->flows[i];
	const struct dp_policy_rule rule = {
		.iface = GATEWAY_OUTSIDE,
		.sequence = i + 1,
		.line = 10,
		.permit = true,
		.local = selector->local,
		.remote = selector->remote,
		.local_port_hi = UINT16_MAX,
		.remote_port_hi = UINT16_MAX,
		.tunnel = f->tunnel,
	};

	return dp_policy_add(g->dp, &rule, &f->policy);
}

static int flow_sas(struct gateway *g, uint32_t i, struct sa_spec *spec)
{
	struct flow *f = &g->flows[i];
	int err = dp_sa_reserve(g->dp, &spec->local, &spec->remote, &f->in, &spec->spi);

	if (err == 0)
		err = dp_sa_add_in(g->dp, f->in, spec, f->tunnel);
	if (err == 0)
		err = dp_sa_add_out(g->dp, spec, f->tunnel, f->in, &f->out);
	if (err)
		return err;
	dp_tunnel_use(g->dp, f->tunnel, f->out);
	// What the first packet costs is not what is measured, and the raw calls need the keys.
	if (!g->cold) {
		sa_warm(g->mgr, sa_table_at(g->dp->sas, f->in.index));
		sa_warm(g->mgr, sa_table_at(g->dp->sas, f->out.index));
	}
	f->in_keys = sa_table_keys(g->dp->sas, f->in.index);
	f->out_keys = sa_table_keys(g->dp->sas, f->out.index);
	return 0;
}

static int flow_add(struct gateway *g, uint32_t i)
{
	struct sa_spec spec = flow_spec(g, i);
	const struct dp_tunnel_spec tunnel = {
		.iface = GATEWAY_OUTSIDE, .selector = spec.selector, .peer = i};
	int err = dp_tunnel_add(g->dp, &tunnel, &g->flows[i].tunnel);

	if (err == 0)
		err = flow_policy(g, i, &spec.selector);
	if (err == 0)
		err = flow_sas(g, i, &spec);
	dp_peer_watch(g->dp, i, DOUBT);
	return err;
}

int gateway_rekey(struct gateway *g, uint32_t i)
{
	struct flow old = g->flows[i];
	struct sa_spec spec = flow_spec(g, i);
	int err = flow_sas(g, i, &spec);

	dp_sa_del(g->dp, &old.in, 1);
	dp_sa_del(g->dp, &old.out, 1);
	return err;
}

static void flow_del(struct gateway *g, uint32_t i)
{
	struct flow *f = &g->flows[i];

	dp_policy_del(g->dp, f->policy);
	dp_sa_del(g->dp, &f->in, 1);
	dp_sa_del(g->dp, &f->out, 1);
	dp_tunnel_del(g->dp, f->tunnel);
	memset(f, 0, sizeof(*f));
}

void gateway_settle(struct gateway *g)
{
	struct dp_event events[EVENTS];

	rte_rcu_qsbr_thread_online(g->dp->rcu, 0);
	do {
		worker_turn(g->worker);
		while (dp_events(g->dp, events, EVENTS))
			;
	} while (g->dp->waiting[0].count || !rte_ring_empty(g->worker->messages));
	rte_rcu_qsbr_thread_offline(g->dp->rcu, 0);
}

int gateway_flows(struct gateway *g, const struct suite *suite, uint32_t n)
{
	bool keep = suite == g->suite && n >= g->n_flows;
	int err = 0;

	if (n > g->max_flows)
		return -EINVAL;
	while (!keep && g->n_flows) {
		flow_del(g, --g->n_flows);
		if (g->n_flows % EVENTS == 0)
			gateway_settle(g);
	}
	g->suite = suite;
	while (g->n_flows < n && err == 0) {
		err = flow_add(g, g->n_flows++);
		if (g->n_flows % EVENTS == 0)
			gateway_settle(g);
	}
	gateway_settle(g);
	if (err == 0 && n)
		g->shape = *(const struct sa *)sa_table_at(g->dp->sas, g->flows[0].out.index);
	return err;
}

const char *gateway_dropped(struct gateway *g)
{
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		if (g->worker->counters[i]) {
			g->worker->counters[i] = 0;
			return drop_name(i);
		}
	}
	return NULL;
}
