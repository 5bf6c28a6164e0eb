// Policy as stages of the packet path. [W] What leaves through an interface with a crypto map is
// looked up as it is; what arrives there in clear is looked up in the mirror, and what should have
// come through a tunnel is dropped.
#include <rte_branch_prediction.h>
#include <string.h>

#include "bytes.h"
#include "flow_cache.h"
#include "lost.h"
#include "policy.h"
#include "route.h"
#include "tunnel.h"
#include "worker.h"

_Static_assert(WORKER_BURST <= POLICY_BURST, "one call for a burst");

// The ports, if the packet shows any (RFC 4301, 7).
static enum policy_ports ports_of(struct rte_mbuf *m, uint16_t *src, uint16_t *dst)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct reader r = reader_make(ip, rte_pktmbuf_data_len(m));

	*src = *dst = 0;
	if (!policy_proto_has_ports(ip->next_proto_id))
		return POLICY_PORTS_NONE;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
		return POLICY_PORTS_UNKNOWN;
	reader_take(&r, packet_of(m)->ihl);
	*src = reader_u16(&r);
	*dst = reader_u16(&r);
	if (reader_ok(&r))
		return POLICY_PORTS_KNOWN;
	*src = *dst = 0;
	return POLICY_PORTS_UNKNOWN;
}

static void key_out(struct rte_mbuf *m, struct policy_key *key)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);

	key->local = ip->src_addr;
	key->remote = ip->dst_addr;
	key->ports = (uint8_t)ports_of(m, &key->local_port, &key->remote_port);
	key->proto = ip->next_proto_id;
	key->iface = packet_of(m)->out;
}

static void key_in(struct rte_mbuf *m, struct policy_key *key)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);

	key->local = ip->dst_addr;
	key->remote = ip->src_addr;
	key->ports = (uint8_t)ports_of(m, &key->remote_port, &key->local_port);
	key->proto = ip->next_proto_id;
	key->iface = packet_of(m)->in;
}

// Counts and frees a packet that must not go on.
static void refuse(struct worker *w, struct rte_mbuf *m, enum policy_verdict verdict)
{
	worker_drop(w, m,
	            verdict == POLICY_PROTECT    ? DROP_POLICY_CLEAR_IN
	            : verdict == POLICY_FRAGMENT ? DROP_POLICY_FRAGMENT
	                                         : DROP_POLICY_HELD);
}

// What of a header decides about a packet that is whole and has no options, as three words: equal
// words, equal answer.
struct look {
	uint64_t addresses;
	uint32_t ports;
	uint32_t rest; // interface, protocol; 1 = not such a packet, look closer
};

static inline struct look look_at(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct look look = {.rest = (uint32_t)packet_of(m)->out << 16 | (uint32_t)ip->next_proto_id
	                                                                        << 8};

	memcpy(&look.addresses, &ip->src_addr, sizeof(look.addresses));
	if (likely(ip->version_ihl == RTE_IPV4_VHL_DEF && !packet_is_fragment(ip) &&
	           m->data_len >= PACKET_IPV4_MIN + sizeof(look.ports)))
		memcpy(&look.ports, ip + 1, sizeof(look.ports));
	else
		look.rest |= 1;
	return look;
}

// The key of a packet that need not be looked at any closer.
static inline void key_of(const struct look *look, struct policy_key *key)
{
	uint8_t proto = (uint8_t)(look->rest >> 8);
	bool ports = policy_proto_has_ports(proto);

	key->local = (uint32_t)look->addresses;
	key->remote = (uint32_t)(look->addresses >> 32);
	key->local_port = ports ? rte_be_to_cpu_16((uint16_t)look->ports) : 0;
	key->remote_port = ports ? rte_be_to_cpu_16((uint16_t)(look->ports >> 16)) : 0;
	key->proto = proto;
	key->ports = ports ? POLICY_PORTS_KNOWN : POLICY_PORTS_NONE;
	key->iface = (uint16_t)(look->rest >> 16);
}

// The keys of a burst, one for each run of packets with equal looks; which[i] is packet i's.
static unsigned keys_of(struct rte_mbuf **pkts, uint16_t n, struct policy_key *keys, uint8_t *which)
{
	struct look before = {.rest = 1};
	unsigned k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct look look = look_at(pkts[i]);

		if (unlikely(look.rest & 1))
			key_out(pkts[i], &keys[k++]);
		else if (look.addresses != before.addresses || look.ports != before.ports ||
		         look.rest != before.rest)
			key_of(&look, &keys[k++]);
		which[i] = (uint8_t)(k - 1);
		before = look;
	}
	return k;
}

// A network is not lost any more once its route is there; the packet may have been given its way
// before that.
static bool has_another_way(const struct worker *w, struct rte_mbuf *m)
{
	uint16_t hop = packet_of(m)->hop;

	return hop != PACKET_NO_HOP && hop != route_lookup(w->dp->routes, packet_ip(m)->dst_addr);
}

// A packet that came out of a tunnel and would leave in clear by an interface with a crypto map:
// does the map say that it is for a network behind this gateway, and is the way there lost? Then
// the route that is left leads back out. Otherwise the routes are right, even if all networks are
// reached by one interface. A line whose local side is `any` says nothing of where a network is:
// what such a tunnel carries may go on from here.
static bool turns_back(const struct worker *w, struct rte_mbuf *m)
{
	struct policy_key key;

	if (!lost_has(w->dp, 4, &packet_ip(m)->dst_addr))
		return has_another_way(w, m);
	key_in(m, &key);
	key.iface = packet_of(m)->out;
	if (policy_find(w->dp->policy, &key).verdict == POLICY_CLEAR)
		return false;
	key.local = 0; // an address that only `any` has
	return policy_find(w->dp->policy, &key).verdict == POLICY_CLEAR;
}

// May a packet that no line protects leave in clear, though something is known of it?
static __rte_noinline bool goes_clear(struct worker *w, struct rte_mbuf *m)
{
	if (packet_of(m)->flags & PACKET_QUOTES)
		worker_drop(w, m, DROP_POLICY_QUOTE);
	else if (turns_back(w, m))
		worker_drop(w, m, DROP_POLICY_BACK);
	else
		return true;
	return false;
}

uint16_t policy_out(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **tunnel,
                    uint16_t *n_tunnel)
{
	struct policy_key keys[WORKER_BURST];
	struct policy_answer answers[WORKER_BURST];
	uint8_t which[WORKER_BURST];
	uint16_t k = 0, k_tunnel = 0;
	unsigned n_keys;

	*n_tunnel = 0;
	if (n == 0)
		return 0;
	n_keys = keys_of(pkts, n, keys, which);
	policy_find_burst(w->dp->policy, w->flows, keys, n_keys, answers);
	for (unsigned i = 0; i < n_keys; i++)
		if (answers[i].verdict == POLICY_PROTECT)
			tunnel_prefetch(w->dp->tunnels, answers[i].tunnel);
	for (uint16_t i = 0; i < n; i++) {
		const struct policy_answer *a = &answers[which[i]];
		struct rte_mbuf *m = pkts[i];

		if (likely(a->verdict == POLICY_PROTECT)) {
			packet_of(m)->tunnel = a->tunnel;
			tunnel[k_tunnel++] = m;
		} else if (unlikely(a->verdict != POLICY_CLEAR)) {
			refuse(w, m, a->verdict);
		} else if (likely(!(packet_of(m)->flags & (PACKET_QUOTES | PACKET_DECRYPTED))) ||
		           goes_clear(w, m)) {
			pkts[k++] = m;
		}
	}
	*n_tunnel = k_tunnel;
	return k;
}

uint16_t policy_in_clear(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct policy_key keys[WORKER_BURST];
	struct policy_answer answers[WORKER_BURST];
	uint16_t k = 0;

	if (n == 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		key_in(pkts[i], &keys[i]);
	policy_find_burst(w->dp->policy, w->flows, keys, n, answers);
	for (uint16_t i = 0; i < n; i++) {
		if (answers[i].verdict == POLICY_CLEAR)
			pkts[k++] = pkts[i];
		else
			refuse(w, pkts[i], answers[i].verdict);
	}
	return k;
}
