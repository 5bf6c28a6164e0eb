// rte_flow rules that bring inbound ESP to its owner. [C] At start and stop of a port alone.
//
// A rule is {kind of packet, owner in the SPI} -> a queue of that worker. A kind is in the device
// as a whole or not at all: a driver that takes an SPI but not its mask would refuse the second
// rule as a copy of the first, or have room for some only, and what is left is then taken back.
// Rules are no more than a short cut: whatever a device does with them, a worker hands over what is
// not its own.
#include "steer.h"

#include <rte_errno.h>
#include <rte_flow.h>
#include <stdio.h>
#include <stdlib.h>

#include "sa_table.h"

#define NATT_PORT 4500 // RFC 3948

// A kind of packet is a sum of these.
#define KIND_V6     1u
#define KIND_UDP    2u
#define KIND_TAGGED 4u

_Static_assert(KIND_V6 + KIND_UDP + KIND_TAGGED + 1 == DP_STEER_KINDS, "kinds are counted");

struct steer {
	struct dp_port_steering says;
	int queue[DP_WORKERS_MAX]; // first one of each worker, -1 = none on this port
	struct rte_flow *rules[DP_STEER_KINDS][DP_WORKERS_MAX];
};

// What an rte_flow rule is made of; its parts point at each other.
struct rule {
	struct rte_flow_item_udp udp, udp_mask;
	struct rte_flow_item_esp esp, esp_mask;
	struct rte_flow_action_queue queue;
	struct rte_flow_item items[6];
	struct rte_flow_action actions[2];
};

static const struct rte_flow_attr ingress = {.ingress = 1};

// Outer headers that a rule only goes through have neither spec nor mask.
static void rule_make(struct rule *r, unsigned kind, uint32_t spi, uint32_t mask, uint16_t queue)
{
	struct rte_flow_item *item = r->items;

	memset(r, 0, sizeof(*r));
	r->udp.hdr.dst_port = rte_cpu_to_be_16(NATT_PORT);
	r->udp_mask.hdr.dst_port = rte_cpu_to_be_16(UINT16_MAX);
	r->esp.hdr.spi = rte_cpu_to_be_32(spi);
	r->esp_mask.hdr.spi = rte_cpu_to_be_32(mask);
	r->queue.index = queue;
	(item++)->type = RTE_FLOW_ITEM_TYPE_ETH;
	if (kind & KIND_TAGGED)
		(item++)->type = RTE_FLOW_ITEM_TYPE_VLAN;
	(item++)->type = kind & KIND_V6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4;
	if (kind & KIND_UDP)
		*item++ = (struct rte_flow_item){
			.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &r->udp, .mask = &r->udp_mask};
	*item++ = (struct rte_flow_item){
		.type = RTE_FLOW_ITEM_TYPE_ESP, .spec = &r->esp, .mask = &r->esp_mask};
	item->type = RTE_FLOW_ITEM_TYPE_END;
	r->actions[0] =
		(struct rte_flow_action){.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &r->queue};
	r->actions[1].type = RTE_FLOW_ACTION_TYPE_END;
}

static struct rte_flow *rule_install(uint16_t port, const struct rule *r, char *err, size_t size)
{
	struct rte_flow_error error = {0};
	struct rte_flow *flow = NULL;
	int rc = rte_flow_validate(port, &ingress, r->items, r->actions, &error);

	if (rc == 0)
		flow = rte_flow_create(port, &ingress, r->items, r->actions, &error);
	if (!flow)
		snprintf(err, size, "%s",
		         error.message ? error.message : rte_strerror(rc ? -rc : rte_errno));
	return flow;
}

static void kind_remove(struct steer *s, uint16_t port, unsigned kind)
{
	struct rte_flow_error error;

	for (unsigned w = 0; w < DP_WORKERS_MAX; w++) {
		if (s->rules[kind][w])
			(void)rte_flow_destroy(port, s->rules[kind][w], &error);
		s->rules[kind][w] = NULL;
	}
	s->says.kinds[kind].rules = 0;
}

static void kind_install(const struct dp *dp, struct steer *s, uint16_t port, unsigned kind)
{
	const struct spi_layout *layout = &dp->sas->layout;
	struct dp_steer_kind *says = &s->says.kinds[kind];

	says->asked = true;
	for (unsigned w = 0; w < dp->n_workers; w++) {
		struct rule rule;

		if (s->queue[w] < 0)
			continue;
		rule_make(&rule, kind, spi_make(layout, w, 0, 0), spi_owner_mask(layout),
		          (uint16_t)s->queue[w]);
		s->rules[kind][w] = rule_install(port, &rule, says->refused, sizeof(says->refused));
		if (!s->rules[kind][w]) {
			kind_remove(s, port, kind);
			return;
		}
		says->rules++;
	}
}

static struct steer *steer_alloc(const struct dp *dp, const struct iface *iface)
{
	struct steer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	for (unsigned w = 0; w < DP_WORKERS_MAX; w++)
		s->queue[w] = -1;
	for (unsigned q = iface->n_rx; q-- > 0;)
		s->queue[iface_worker(dp, iface, q)] = (int)q;
	for (unsigned w = 0; w < dp->n_workers; w++)
		s->says.workers += s->queue[w] >= 0;
	s->says.queues = iface->n_rx;
	s->says.rss = iface->rss_reta;
	return s;
}

void steer_start(struct dp *dp, uint16_t index, bool vlans)
{
	struct iface *iface = &dp->ifaces[index];
	struct steer *s = steer_alloc(dp, iface);

	iface->steer = s;
	if (!s || s->says.workers < 2)
		return;
	for (unsigned kind = 0; kind < DP_STEER_KINDS; kind++)
		if (vlans || !(kind & KIND_TAGGED))
			kind_install(dp, s, iface->port, kind);
}

void steer_stop(struct dp *dp, uint16_t index)
{
	struct iface *iface = &dp->ifaces[index];

	for (unsigned kind = 0; iface->steer && kind < DP_STEER_KINDS; kind++)
		kind_remove(iface->steer, iface->port, kind);
	free(iface->steer);
	iface->steer = NULL;
}

// ---- whose a new SA should be ------------------------------------------------------------------

// Does every packet of this family come to its owner?
static bool covers(const struct steer *s, uint8_t family)
{
	unsigned n = 0;

	for (unsigned kind = 0; kind < DP_STEER_KINDS; kind++) {
		const struct dp_steer_kind *says = &s->says.kinds[kind];

		if (!says->asked || !(kind & KIND_V6) != (family == 4))
			continue;
		if (says->rules == 0)
			return false;
		n++;
	}
	return n > 0;
}

bool steer_worker(const struct dp *dp, const struct ip_addr *remote, unsigned *worker)
{
	struct ip_addr hop, source;
	const struct steer *s;
	uint32_t least = UINT32_MAX;
	uint16_t iface;

	if (dp_route_find(dp, remote, &iface, &hop, &source) || iface >= dp->n_ifaces)
		return false;
	s = dp->ifaces[dp->ifaces[iface].main].steer;
	if (!s || !covers(s, remote->family))
		return false;
	for (unsigned w = 0; w < dp->n_workers; w++) {
		if (s->queue[w] < 0 || dp->sas->inbound[w] >= least)
			continue;
		least = dp->sas->inbound[w];
		*worker = w;
	}
	return true;
}

// ---- what is shown -----------------------------------------------------------------------------

void dp_port_steering(const struct dp *dp, uint16_t iface, struct dp_port_steering *out)
{
	const struct steer *s = iface < dp->n_ports ? dp->ifaces[iface].steer : NULL;

	*out = s ? s->says : (struct dp_port_steering){0};
}

const char *dp_steer_name(unsigned kind)
{
	static const char *const names[DP_STEER_KINDS] = {
		"ESP over IPv4",           "ESP over IPv6",          "ESP in UDP over IPv4",
		"ESP in UDP over IPv6",    "tagged ESP over IPv4",   "tagged ESP over IPv6",
		"tagged ESP in UDP, IPv4", "tagged ESP in UDP, IPv6"};

	return kind < DP_STEER_KINDS ? names[kind] : NULL;
}
