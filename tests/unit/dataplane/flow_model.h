// A NIC's rte_flow in place of DPDK's: records the rules that it is given, refuses what a test
// wants refused, and says to which queue a frame goes. DPDK's own functions are not linked in,
// since the program has these.
#ifndef VIGIL_TESTS_DATAPLANE_FLOW_MODEL_H
#define VIGIL_TESTS_DATAPLANE_FLOW_MODEL_H

#include <errno.h>
#include <rte_byteorder.h>
#include <rte_errno.h>
#include <rte_flow.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define MODEL_RULES 512u

struct rte_flow {
	uint16_t port;
	bool vlan, v6, udp;
	uint16_t dst_port, dst_port_mask;
	uint32_t spi, spi_mask; // host order
	uint16_t queue;
};

static struct {
	struct rte_flow *rules[MODEL_RULES];
	unsigned n;
	unsigned validated; // calls
	unsigned bad;       // rules that are no rules of ours at all
	// What the NIC does not do.
	bool no_v6, no_udp, no_vlan;
	bool no_mask;    // takes no SPI but a whole one
	bool blind_mask; // takes a mask, and does not look at it
	unsigned room;   // for rules; 0 = enough
	bool silent;     // refuses without a text
} model;

static int model_refuse(struct rte_flow_error *error, int code, const char *text)
{
	if (model.silent)
		return -code;
	return rte_flow_error_set(error, code, RTE_FLOW_ERROR_TYPE_ITEM, NULL, text);
}

// False: no rule of the form that rte_flow asks for here: Ethernet, at most one tag, IP, UDP or
// not, ESP, end; specs with masks, headers that are only gone through without; one queue.
static bool model_read(struct rte_flow *f, const struct rte_flow_attr *attr,
                       const struct rte_flow_item *item, const struct rte_flow_action *action)
{
	const struct rte_flow_item_udp *udp, *udp_mask;
	const struct rte_flow_item_esp *esp, *esp_mask;

	if (!attr->ingress || attr->egress || attr->transfer || attr->group || attr->priority)
		return false;
	if (item->type != RTE_FLOW_ITEM_TYPE_ETH || item->spec || item->mask)
		return false;
	item++;
	f->vlan = item->type == RTE_FLOW_ITEM_TYPE_VLAN;
	item += f->vlan;
	f->v6 = item->type == RTE_FLOW_ITEM_TYPE_IPV6;
	if ((!f->v6 && item->type != RTE_FLOW_ITEM_TYPE_IPV4) || item->spec || item->mask)
		return false;
	item++;
	f->udp = item->type == RTE_FLOW_ITEM_TYPE_UDP;
	if (f->udp) {
		udp = item->spec;
		udp_mask = item->mask;
		f->dst_port = rte_be_to_cpu_16(udp->hdr.dst_port);
		f->dst_port_mask = rte_be_to_cpu_16(udp_mask->hdr.dst_port);
		if (udp->hdr.src_port || udp_mask->hdr.src_port || item->last)
			return false;
		item++;
	}
	if (item->type != RTE_FLOW_ITEM_TYPE_ESP || !item->spec || !item->mask || item->last)
		return false;
	esp = item->spec;
	esp_mask = item->mask;
	f->spi = rte_be_to_cpu_32(esp->hdr.spi);
	f->spi_mask = rte_be_to_cpu_32(esp_mask->hdr.spi);
	if (esp_mask->hdr.seq || item[1].type != RTE_FLOW_ITEM_TYPE_END)
		return false;
	if (action[0].type != RTE_FLOW_ACTION_TYPE_QUEUE ||
	    action[1].type != RTE_FLOW_ACTION_TYPE_END)
		return false;
	f->queue = ((const struct rte_flow_action_queue *)action[0].conf)->index;
	return true;
}

static bool model_same(const struct rte_flow *a, const struct rte_flow *b)
{
	return a->port == b->port && a->vlan == b->vlan && a->v6 == b->v6 && a->udp == b->udp &&
	       (model.blind_mask || (a->spi == b->spi && a->spi_mask == b->spi_mask));
}

int rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                      const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
                      struct rte_flow_error *error)
{
	struct rte_flow f = {.port = port};

	model.validated++;
	if (!model_read(&f, attr, pattern, actions)) {
		model.bad++;
		return model_refuse(error, EINVAL, "no rule");
	}
	if (model.no_v6 && f.v6)
		return model_refuse(error, ENOTSUP, "no IPv6");
	if (model.no_udp && f.udp)
		return model_refuse(error, ENOTSUP, "no ESP in UDP");
	if (model.no_vlan && f.vlan)
		return model_refuse(error, ENOTSUP, "no tags");
	if (model.no_mask && f.spi_mask != UINT32_MAX)
		return model_refuse(error, EINVAL, "SPI mask must be full");
	return 0;
}

struct rte_flow *rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                                 const struct rte_flow_item pattern[],
                                 const struct rte_flow_action actions[],
                                 struct rte_flow_error *error)
{
	struct rte_flow f = {.port = port}, *made;

	(void)model_read(&f, attr, pattern, actions);
	for (unsigned i = 0; i < model.n; i++) {
		if (!model_same(model.rules[i], &f))
			continue;
		rte_errno = -model_refuse(error, EEXIST, "rule exists");
		return NULL;
	}
	if (model.n == MODEL_RULES || (model.room && model.n >= model.room)) {
		rte_errno = -model_refuse(error, ENOSPC, "no room");
		return NULL;
	}
	made = malloc(sizeof(*made));
	*made = f;
	model.rules[model.n++] = made;
	return made;
}

int rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error)
{
	for (unsigned i = 0; i < model.n; i++) {
		if (model.rules[i] != flow || flow->port != port)
			continue;
		model.rules[i] = model.rules[--model.n];
		free(flow);
		return 0;
	}
	model.bad++;
	return model_refuse(error, ENOENT, "no such rule");
}

// The queue to which the rules bring a frame, or -1: no rule says.
static int model_queue(uint16_t port, const uint8_t *frame)
{
	struct rte_flow seen = {0};
	const uint8_t *at = frame + 12;

	seen.vlan = bytes_get_u16(at) == 0x8100;
	at += seen.vlan ? 4 : 0;
	seen.v6 = bytes_get_u16(at) == 0x86dd;
	at += 2;
	seen.udp = (seen.v6 ? at[6] : at[9]) == 17;
	at += seen.v6 ? 40 : 4 * (at[0] & 15);
	seen.dst_port = seen.udp ? bytes_get_u16(at + 2) : 0;
	at += seen.udp ? 8 : 0;
	seen.spi = bytes_get_u32(at);
	for (unsigned i = 0; i < model.n; i++) {
		const struct rte_flow *f = model.rules[i];

		if (f->port == port && f->vlan == seen.vlan && f->v6 == seen.v6 &&
		    f->udp == seen.udp &&
		    (seen.dst_port & f->dst_port_mask) == (f->dst_port & f->dst_port_mask) &&
		    (seen.spi & f->spi_mask) == (f->spi & f->spi_mask))
			return f->queue;
	}
	return -1;
}

#endif
