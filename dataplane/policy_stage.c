// Policy as stages of the packet path. [W] What leaves through an interface with a crypto map is
// looked up as it is; what arrives there in clear is looked up in the mirror, and what should have
// come through a tunnel is dropped.
#include <string.h>

#include "bytes.h"
#include "policy.h"
#include "worker.h"

// The ports, if the packet shows any (RFC 4301, 7).
static void key_ports(struct policy_key *key, struct rte_mbuf *m, uint16_t *src, uint16_t *dst)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct reader r = reader_make(ip, rte_pktmbuf_data_len(m));

	key->ports = POLICY_PORTS_NONE;
	if (!policy_proto_has_ports(key->proto))
		return;
	key->ports = POLICY_PORTS_UNKNOWN;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
		return;
	reader_take(&r, packet_of(m)->ihl);
	*src = reader_u16(&r);
	*dst = reader_u16(&r);
	if (reader_ok(&r))
		key->ports = POLICY_PORTS_KNOWN;
}

static struct policy_key key_out(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct policy_key key;

	memset(&key, 0, sizeof(key)); // keys are compared as bytes
	key.local = rte_be_to_cpu_32(ip->src_addr);
	key.remote = rte_be_to_cpu_32(ip->dst_addr);
	key.proto = ip->next_proto_id;
	key.iface = packet_of(m)->out;
	key_ports(&key, m, &key.local_port, &key.remote_port);
	return key;
}

static struct policy_key key_in(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct policy_key key;

	memset(&key, 0, sizeof(key));
	key.local = rte_be_to_cpu_32(ip->dst_addr);
	key.remote = rte_be_to_cpu_32(ip->src_addr);
	key.proto = ip->next_proto_id;
	key.iface = packet_of(m)->in;
	key_ports(&key, m, &key.remote_port, &key.local_port);
	return key;
}

// The last look-up of this burst: runs of one connection look up once. A verdict does not outlive
// the burst, so a change of policy takes effect with the next.
struct memory {
	struct policy_key key;
	enum policy_verdict verdict;
	struct handle tunnel;
	bool valid;
};

static void find(struct worker *w, const struct policy_key *key, struct memory *last)
{
	if (last->valid && memcmp(key, &last->key, sizeof(*key)) == 0)
		return;
	last->key = *key;
	last->tunnel = (struct handle){0};
	last->verdict = policy_find(w->dp->policy, key, &last->tunnel);
	last->valid = true;
}

uint16_t policy_out(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct rte_mbuf **tunnel,
                    uint16_t *n_tunnel)
{
	struct memory last = {0};
	uint16_t k = 0, k_tunnel = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct policy_key key = key_out(m);

		find(w, &key, &last);
		switch (last.verdict) {
		case POLICY_CLEAR:
			pkts[k++] = m;
			break;
		case POLICY_PROTECT:
			packet_of(m)->tunnel = last.tunnel;
			tunnel[k_tunnel++] = m;
			break;
		case POLICY_CHANGING:
			worker_drop(w, m, DROP_POLICY_HELD);
			break;
		case POLICY_FRAGMENT:
			worker_drop(w, m, DROP_POLICY_FRAGMENT);
			break;
		}
	}
	*n_tunnel = k_tunnel;
	return k;
}

uint16_t policy_in_clear(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct memory last = {0};
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct policy_key key = key_in(pkts[i]);

		find(w, &key, &last);
		switch (last.verdict) {
		case POLICY_CLEAR:
			pkts[k++] = pkts[i];
			break;
		case POLICY_PROTECT:
			worker_drop(w, pkts[i], DROP_POLICY_CLEAR_IN);
			break;
		case POLICY_CHANGING:
			worker_drop(w, pkts[i], DROP_POLICY_HELD);
			break;
		case POLICY_FRAGMENT:
			worker_drop(w, pkts[i], DROP_POLICY_FRAGMENT);
			break;
		}
	}
	return k;
}
