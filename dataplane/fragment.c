// Packets that are longer than their interface's MTU. [W] Those that may be are cut (RFC 791, 2.3),
// ESP after encryption; for the others the sender hears "fragmentation needed" (RFC 1191, 4).
#include <rte_ip_frag.h>

#include "icmp.h"
#include "ipv4.h"
#include "worker.h"

#define FRAGMENTS_MAX WORKER_BURST

static void too_big(struct worker *w, struct rte_mbuf *m, uint32_t mtu)
{
	icmp_error(w, m, ICMP_UNREACHABLE, ICMP_FRAG_NEEDED, mtu);
	worker_drop(w, m, DROP_MTU);
}

static void send_fragments(struct worker *w, struct rte_mbuf *m, uint16_t mtu)
{
	struct rte_mbuf *parts[FRAGMENTS_MAX];
	uint16_t k;
	int32_t n;

	// The parts' checksums are new ones, which would hide what a tunnel brought damaged (RFC
	// 1812, 5.2.2).
	if (!ipv4_checksum_holds(packet_ip(m), packet_of(m)->ihl)) {
		worker_drop(w, m, DROP_IP_CHECKSUM);
		return;
	}
	n = rte_ipv4_fragment_copy_nonseg_packet(m, parts, FRAGMENTS_MAX, mtu, w->dp->pool);
	if (n <= 0) {
		worker_drop(w, m, n == -ENOMEM ? DROP_NO_BUFFER : DROP_MTU);
		return;
	}
	for (int32_t i = 0; i < n; i++) {
		*packet_of(parts[i]) = *packet_of(m);
		packet_checksum_ipv4(packet_ip(parts[i]));
	}
	worker_count(w, COUNT_FRAGMENTED);
	rte_pktmbuf_free(m);
	k = adjacency(w, parts, (uint16_t)n);
	tx(w, parts, k);
}

uint16_t fragment(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t mtu = iface_word(&w->dp->ifaces[packet_of(m)->out].mtu);
		bool dont = packet_ip(m)->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);

		if (rte_pktmbuf_data_len(m) <= mtu)
			pkts[k++] = m;
		else if (dont)
			too_big(w, m, mtu);
		else
			send_fragments(w, m, (uint16_t)RTE_MIN(mtu, w->dp->pool_mtu));
	}
	return k;
}
