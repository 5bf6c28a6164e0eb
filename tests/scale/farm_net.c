// See farm_net.h. One thread.
#include "farm_net.h"

#include <errno.h>
#include <rte_arp.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stdio.h>
#include <string.h>

#define MBUFS       32767
#define DESCRIPTORS 1024
#define UDP_AT      (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr))
#define DATA_AT     (UDP_AT + sizeof(struct rte_udp_hdr))

static int complain(const char *what, int err)
{
	fprintf(stderr, "farm: %s: %s\n", what, strerror(-err));
	return err;
}

static int start_eal(const char *path)
{
	char device[256];
	char *args[] = {"farm",   "--no-huge",      "--no-shconf", "--no-pci", "-m",
	                "256",    "--no-telemetry", "--log-level", "3",        "--lcores=0@0",
	                "--vdev", device,           NULL};

	snprintf(device, sizeof(device),
	         "net_memif0,role=client,socket-abstract=no,socket=%s,rsize=13", path);
	return rte_eal_init(12, args) < 0 ? -EIO : 0;
}

int farm_net_start(struct farm_net *n, const char *path)
{
	const struct rte_eth_conf conf = {0};
	struct rte_ether_addr mac;
	int rc = start_eal(path);

	memset(n, 0, sizeof(*n));
	if (rc)
		return complain("EAL", rc);
	n->pool = rte_pktmbuf_pool_create("farm", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
	                                  SOCKET_ID_ANY);
	if (!n->pool)
		return complain("packet buffers", -ENOMEM);
	rc = rte_eth_dev_configure(n->port, 1, 1, &conf);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(n->port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, n->pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(n->port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(n->port);
	if (rc == 0)
		rc = rte_eth_macaddr_get(n->port, &mac);
	memcpy(n->mac, mac.addr_bytes, sizeof(n->mac));
	return rc ? complain("the memif port", rc) : 0;
}

void farm_net_flush(struct farm_net *n)
{
	uint16_t done = 0;

	// A few more tries: the other side empties the ring when it gets its turn.
	for (unsigned i = 0; i < 8 && done < n->n_out; i++)
		done += rte_eth_tx_burst(n->port, 0, n->out + done, (uint16_t)(n->n_out - done));
	rte_pktmbuf_free_bulk(n->out + done, n->n_out - done);
	n->sent += done;
	n->lost += n->n_out - done;
	n->n_out = 0;
}

static void put(struct farm_net *n, struct rte_mbuf *m)
{
	n->out[n->n_out++] = m;
	if (n->n_out == FARM_BURST)
		farm_net_flush(n);
}

static struct rte_mbuf *frame_make(struct farm_net *n, const uint8_t *to, uint16_t type,
                                   uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(n->pool);
	struct rte_ether_hdr *eth;

	if (!m) {
		n->lost++;
		return NULL;
	}
	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(m, len);
	if (!eth) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(&eth->dst_addr, to, 6);
	memcpy(&eth->src_addr, n->mac, 6);
	eth->ether_type = rte_cpu_to_be_16(type);
	return m;
}

static void send_arp(struct farm_net *n, uint16_t opcode, const uint8_t *to, uint32_t target)
{
	struct rte_mbuf *m = frame_make(n, to, RTE_ETHER_TYPE_ARP,
	                                RTE_ETHER_HDR_LEN + sizeof(struct rte_arp_hdr));
	struct rte_arp_hdr *arp;

	if (!m)
		return;
	arp = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, RTE_ETHER_HDR_LEN);
	*arp = (struct rte_arp_hdr){
		.arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER),
		.arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = rte_cpu_to_be_16(opcode),
	};
	memcpy(&arp->arp_data.arp_sha, n->mac, 6);
	arp->arp_data.arp_sip = rte_cpu_to_be_32(FARM_ROUTER);
	memcpy(&arp->arp_data.arp_tha, to, 6);
	arp->arp_data.arp_tip = rte_cpu_to_be_32(target);
	put(n, m);
}

void farm_net_ask(struct farm_net *n)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

	send_arp(n, RTE_ARP_OP_REQUEST, all, FARM_GATEWAY);
	farm_net_flush(n);
}

static void arp_in(struct farm_net *n, const struct rte_mbuf *m)
{
	const struct rte_arp_hdr *arp =
		rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, RTE_ETHER_HDR_LEN);
	uint32_t sender;

	if (m->data_len < RTE_ETHER_HDR_LEN + sizeof(*arp))
		return;
	sender = rte_be_to_cpu_32(arp->arp_data.arp_sip);
	if (sender != FARM_GATEWAY || rte_be_to_cpu_32(arp->arp_data.arp_tip) != FARM_ROUTER)
		return;
	memcpy(n->gateway, &arp->arp_data.arp_sha, 6);
	n->known = true;
	if (arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST))
		send_arp(n, RTE_ARP_OP_REPLY, n->gateway, FARM_GATEWAY);
}

void farm_net_send(struct farm_net *n, const struct farm_datagram *d)
{
	struct rte_mbuf *m =
		frame_make(n, n->gateway, RTE_ETHER_TYPE_IPV4, (uint16_t)(DATA_AT + d->len));
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *udp;

	if (!m)
		return;
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(DATA_AT - RTE_ETHER_HDR_LEN + d->len)),
		.time_to_live = 63,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(d->src),
		.dst_addr = rte_cpu_to_be_32(d->dst),
	};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp = (struct rte_udp_hdr *)(ip + 1);
	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(d->src_port),
		.dst_port = rte_cpu_to_be_16(d->dst_port),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + d->len)),
	};
	memcpy(udp + 1, d->data, d->len);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	put(n, m);
}

// False: it is none, or not whole.
static bool datagram_read(const struct rte_mbuf *m, struct farm_datagram *d)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	uint16_t len;

	if (m->nb_segs != 1 || m->data_len < DATA_AT || ip->version_ihl != RTE_IPV4_VHL_DEF ||
	    ip->next_proto_id != IPPROTO_UDP)
		return false;
	len = rte_be_to_cpu_16(udp->dgram_len);
	if (len < sizeof(*udp) || UDP_AT + len > m->data_len)
		return false;
	*d = (struct farm_datagram){
		.src = rte_be_to_cpu_32(ip->src_addr),
		.dst = rte_be_to_cpu_32(ip->dst_addr),
		.src_port = rte_be_to_cpu_16(udp->src_port),
		.dst_port = rte_be_to_cpu_16(udp->dst_port),
		.data = (const uint8_t *)(udp + 1),
		.len = (uint16_t)(len - sizeof(*udp)),
	};
	return true;
}

unsigned farm_net_poll(struct farm_net *n, void (*fn)(void *arg, const struct farm_datagram *d),
                       void *arg)
{
	struct rte_mbuf *pkts[FARM_BURST];
	uint16_t got = rte_eth_rx_burst(n->port, 0, pkts, FARM_BURST);
	struct farm_datagram d;

	for (uint16_t i = 0; i < got; i++) {
		const struct rte_ether_hdr *eth =
			rte_pktmbuf_mtod(pkts[i], const struct rte_ether_hdr *);

		if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
			arp_in(n, pkts[i]);
		else if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) &&
		         datagram_read(pkts[i], &d))
			fn(arg, &d);
	}
	rte_pktmbuf_free_bulk(pkts, got);
	return got;
}
