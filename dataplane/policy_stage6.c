// Policy as stages of the packet path, for IPv6: see policy_stage.c. [W]
#include <string.h>

#include "bytes.h"
#include "flow_cache.h"
#include "ipv6.h"
#include "lost.h"
#include "policy.h"
#include "route.h"
#include "tunnel.h"
#include "worker.h"

// Protocol and ports, if the packet shows any (RFC 4301, 7). False: not even the protocol is to be
// seen, so nobody can say that no rule is about the packet.
static bool look(struct rte_mbuf *m, struct policy_key6 *key, uint16_t *src, uint16_t *dst)
{
	const uint8_t *packet = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m);
	struct ipv6_chain chain;
	struct reader r;

	*src = *dst = 0;
	key->ports = POLICY_PORTS_UNKNOWN;
	key->proto = IPPROTO_NONE;
	if (!ipv6_chain(packet, len, &chain) || chain.hidden)
		return false;
	key->proto = chain.proto;
	if (chain.later)
		return true;
	key->ports = POLICY_PORTS_NONE;
	if (!policy_proto_has_ports(chain.proto))
		return true;
	r = reader_make(packet + chain.payload, len - chain.payload);
	*src = reader_u16(&r);
	*dst = reader_u16(&r);
	key->ports = POLICY_PORTS_KNOWN;
	if (reader_ok(&r))
		return true;
	*src = *dst = 0;
	key->ports = POLICY_PORTS_UNKNOWN;
	return true;
}

static bool key_out(struct rte_mbuf *m, struct policy_key6 *key)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);

	memcpy(key->local, ip->src_addr, sizeof(key->local));
	memcpy(key->remote, ip->dst_addr, sizeof(key->remote));
	key->iface = packet_of(m)->out;
	return look(m, key, &key->local_port, &key->remote_port);
}

static bool key_in(struct rte_mbuf *m, struct policy_key6 *key)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);

	memcpy(key->local, ip->dst_addr, sizeof(key->local));
	memcpy(key->remote, ip->src_addr, sizeof(key->remote));
	key->iface = packet_of(m)->in;
	return look(m, key, &key->remote_port, &key->local_port);
}

// What the rules say of a burst; clear goes only what shows what it is.
static __rte_always_inline void find(struct worker *w, struct rte_mbuf **pkts, uint16_t n,
                                     bool (*key)(struct rte_mbuf *m, struct policy_key6 *key),
                                     struct policy_answer *answers)
{
	struct policy_key6 keys[WORKER_BURST];
	bool shown[WORKER_BURST];

	for (uint16_t i = 0; i < n; i++)
		shown[i] = key(pkts[i], &keys[i]);
	policy_find6_burst(w->dp->policy, w->flows, keys, n, answers);
	for (uint16_t i = 0; i < n; i++)
		if (!shown[i] && answers[i].verdict == POLICY_CLEAR)
			answers[i].verdict = POLICY_FRAGMENT;
}

static void refuse(struct worker *w, struct rte_mbuf *m, enum policy_verdict verdict)
{
	worker_drop(w, m,
	            verdict == POLICY_PROTECT    ? DROP_POLICY_CLEAR_IN
	            : verdict == POLICY_FRAGMENT ? DROP_POLICY_FRAGMENT
	                                         : DROP_POLICY_HELD);
}

static bool has_another_way(const struct worker *w, struct rte_mbuf *m)
{
	uint16_t hop = packet_of(m)->hop;

	return hop != PACKET_NO_HOP && hop != route_lookup6(w->dp->routes, packet_ip6(m)->dst_addr);
}

// See policy_stage.c.
static bool turns_back(const struct worker *w, struct rte_mbuf *m)
{
	struct policy_key6 key;

	if (!lost_has(w->dp, 6, packet_ip6(m)->dst_addr))
		return has_another_way(w, m);
	(void)key_in(m, &key);
	key.iface = packet_of(m)->out;
	if (policy_find6(w->dp->policy, &key).verdict == POLICY_CLEAR)
		return false;
	memset(key.local, 0, sizeof(key.local));
	return policy_find6(w->dp->policy, &key).verdict == POLICY_CLEAR;
}

static bool goes_clear(struct worker *w, struct rte_mbuf *m)
{
	uint8_t flags = packet_of(m)->flags;

	if (flags & PACKET_QUOTES)
		worker_drop(w, m, DROP_POLICY_QUOTE);
	else if (flags & PACKET_DECRYPTED && turns_back(w, m))
		worker_drop(w, m, DROP_POLICY_BACK);
	else
		return true;
	return false;
}

uint16_t policy_out6(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **tunnel,
                     uint16_t *n_tunnel)
{
	struct policy_answer answers[WORKER_BURST];
	uint16_t k = 0, k_tunnel = 0;

	*n_tunnel = 0;
	if (n == 0)
		return 0;
	find(w, pkts, n, key_out, answers);
	for (uint16_t i = 0; i < n; i++) {
		if (answers[i].verdict == POLICY_PROTECT) {
			packet_of(pkts[i])->tunnel = answers[i].tunnel;
			tunnel_prefetch(w->dp->tunnels, answers[i].tunnel);
			tunnel[k_tunnel++] = pkts[i];
		} else if (answers[i].verdict != POLICY_CLEAR) {
			refuse(w, pkts[i], answers[i].verdict);
		} else if (goes_clear(w, pkts[i])) {
			pkts[k++] = pkts[i];
		}
	}
	*n_tunnel = k_tunnel;
	return k;
}

uint16_t policy_in_clear6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct policy_answer answers[WORKER_BURST];
	uint16_t k = 0;

	if (n == 0)
		return 0;
	find(w, pkts, n, key_in, answers);
	for (uint16_t i = 0; i < n; i++) {
		if (answers[i].verdict == POLICY_CLEAR)
			pkts[k++] = pkts[i];
		else
			refuse(w, pkts[i], answers[i].verdict);
	}
	return k;
}
