// `show crypto isakmp sa|peers|policy|key` in the words of IOS. Helper threads only.
#include "show_isakmp.h"

#include <stdio.h>

#include "addr.h"
#include "format.h"
#include "render.h"
#include "text.h"

void isakmp_sa_head(bool detail, struct text *out)
{
	if (detail)
		text_printf(out, "Codes: C - IKE configuration mode, D - Dead Peer Detection\n"
		                 "       K - Keepalives, N - NAT-traversal\n"
		                 "       T - cTCP encapsulation, X - IKE Extended Authentication\n"
		                 "       psk - Preshared key, rsig - RSA signature\n"
		                 "       renc - RSA encryption\n");
	text_printf(out, "IPv4 Crypto ISAKMP SA\n");
	if (detail)
		text_printf(out,
		            "\nC-id  Local           Remote          I-VRF  Status Encr Hash   "
		            "Auth DH Lifetime Cap.\n\n");
	else
		text_printf(out, "dst             src             state          conn-id status\n");
}

static void sa_detail(const struct ike_view *v, struct text *out)
{
	char local[ADDR_TEXT], remote[ADDR_TEXT], life[FORMAT_TIME] = "0";

	if (v->seconds_left != VIEW_NONE)
		format_hms(v->seconds_left, life);
	text_printf(out, "%-5u %-15s %-15s %-6s %-6s %-4s %-6s %-4s %-2u %-8s %s%s\n", v->conn_id,
	            addr_format(&v->local, local), addr_format(&v->remote, remote), "",
	            v->deleted ? "DELETED" : "ACTIVE", format_ike_cipher(v->suite.cipher),
	            format_ike_hash(v->suite.hash), v->suite.cipher ? "psk" : "", v->suite.group,
	            life, v->dpd ? "D" : "", v->nat ? "N" : "");
	text_printf(out, "       Engine-id:Conn-id = SW:%u\n\n", v->conn_id % 1000);
}

void isakmp_sa_line(const struct ike_view *v, bool detail, struct text *out)
{
	char local[ADDR_TEXT], remote[ADDR_TEXT];

	if (detail) {
		sa_detail(v, out);
		return;
	}
	addr_format(&v->local, local);
	addr_format(&v->remote, remote);
	if (v->remote.family == 6) {
		text_printf(out,
		            " dst: %s\n src: %s\n state: %-14s conn-id: %6u status: ACTIVE%s\n\n",
		            v->initiator ? remote : local, v->initiator ? local : remote, v->state,
		            v->conn_id, v->deleted ? " (deleted)" : "");
		return;
	}
	// dst is the responder of phase 1.
	text_printf(out, "%-15s %-15s %-14s %7u ACTIVE%s\n", v->initiator ? remote : local,
	            v->initiator ? local : remote, v->state, v->conn_id,
	            v->deleted ? " (deleted)" : "");
}

void isakmp_sa_head6(bool detail, struct text *out)
{
	text_printf(out, "%sIPv6 Crypto ISAKMP SA\n\n", detail ? "" : "\n");
}

void isakmp_count_add(struct isakmp_count *n, const struct ike_view *v)
{
	if (v->deleted)
		n->dead++;
	else if (v->active)
		n->active++;
	else
		n->negotiating++;
}

void isakmp_count_print(const struct isakmp_count *n, struct text *out)
{
	text_printf(out,
	            "Active ISAKMP SA's: %u\n"
	            "Standby ISAKMP SA's: 0\n"
	            "Currently being negotiated ISAKMP SA's: %u\n"
	            "Dead ISAKMP SA's: %u\n",
	            n->active, n->negotiating, n->dead);
}

static void print_ms(int32_t ms, struct text *out)
{
	text_printf(out, "%d.%02d s", ms / 1000, ms % 1000 / 10);
}

static void peer_dpd_state(const struct peer_view *v, struct text *out)
{
	const struct dpd_config *d = &v->dpd_config;

	text_printf(out, "  DPD: %s, interval %u s, retry %u s\n",
	            d->periodic ? "periodic" : "on-demand", d->interval / TICKS_PER_SECOND,
	            d->retry / TICKS_PER_SECOND);
	text_printf(out, "    State: %s, %u of %u messages lost, %u verdicts deferred in a row",
	            v->dpd_state == DPD_AGGRESSIVE ? "aggressive" : "calm", v->losses,
	            DPD_LOSSES_MAX, v->deferrals);
	if (v->due_ms >= 0) {
		text_printf(out, "\n    %s in ",
		            v->dpd_state == DPD_AGGRESSIVE ? "Window ends" : "Next message");
		print_ms(v->due_ms, out);
	} else if (!d->periodic) {
		text_printf(out,
		            "\n    A message is sent when traffic goes out and nothing comes in");
	}
	text_printf(out, "\n");
}

static void peer_dpd(const struct peer_view *v, struct text *out)
{
	if (!v->ike_active && v->dpd_state == DPD_OFF)
		text_printf(out, "  DPD: not running, phase 1 is not complete\n");
	else if (!v->dpd_config.enabled)
		text_printf(out, "  DPD: not configured (crypto isakmp keepalive), the peer's "
		                 "messages are answered\n");
	else if (!v->dpd_capable)
		text_printf(out,
		            "  DPD: peer does not support DPD, it sent no vendor ID; it is not "
		            "asked whether it lives\n");
	else if (v->dpd_state == DPD_OFF)
		text_printf(out, "  DPD: not running\n");
	else
		peer_dpd_state(v, out);
	if (v->life_ms_ago >= 0) {
		text_printf(out, "    Newest proof of life ");
		print_ms(v->life_ms_ago, out);
		text_printf(out, " ago\n");
	}
}

void isakmp_peer(const struct peer_view *v, struct text *out)
{
	char local[ADDR_TEXT], remote[ADDR_TEXT];

	text_printf(out, "Peer: %s Port: %u Local: %s Port: %u\n", addr_format(&v->remote, remote),
	            v->remote_port, addr_format(&v->local, local), v->local_port);
	text_printf(out, "  Phase1 id: %s\n", v->phase1_id[0] ? v->phase1_id : "(none)");
	text_printf(out, "  NAT: %s\n",
	            v->nat_local && v->nat_remote ? "both sides are behind one"
	            : v->nat_local                ? "this side is behind one"
	            : v->nat_remote               ? "the peer is behind one"
	                                          : "none found");
	peer_dpd(v, out);
	text_printf(out, "\n");
}

static void policy_encryption(const struct config_policy *p, struct text *out)
{
	switch (p->encr) {
	case CONFIG_ENCR_DES:
		text_printf(out, "DES - Data Encryption Standard (56 bit keys).");
		break;
	case CONFIG_ENCR_3DES:
		text_printf(out, "Three key triple DES");
		break;
	case CONFIG_ENCR_AES:
		text_printf(out, "AES - Advanced Encryption Standard (%u bit keys).", p->key_bits);
		break;
	}
}

static const char *policy_hash(enum config_hash h)
{
	static const char *const names[] = {
		[CONFIG_HASH_MD5] = "Message Digest 5",
		[CONFIG_HASH_SHA1] = "Secure Hash Standard",
		[CONFIG_HASH_SHA256] = "Secure Hash Standard 2 (256 bit)",
		[CONFIG_HASH_SHA384] = "Secure Hash Standard 2 (384 bit)",
		[CONFIG_HASH_SHA512] = "Secure Hash Standard 2 (512 bit)",
	};

	return names[h];
}

static const char *policy_group(uint8_t group)
{
	switch (group) {
	case 1:
		return "768 bit";
	case 2:
		return "1024 bit";
	case 5:
		return "1536 bit";
	case 14:
		return "2048 bit";
	case 15:
		return "3072 bit";
	case 16:
		return "4096 bit";
	case 19:
		return "256 bit";
	case 20:
		return "384 bit";
	case 21:
		return "521 bit";
	case 24:
		return "2048 bit, 256 bit subgroup";
	default:
		return "unknown";
	}
}

void isakmp_policies(const struct config *c, struct text *out)
{
	const char *why;

	text_printf(out, "\nGlobal IKE policy\n");
	for (uint32_t i = 0; i < c->n_policies; i++) {
		const struct config_policy *p = &c->policies[i];

		text_printf(out, "Protection suite of priority %u\n", p->priority);
		text_printf(out, "        encryption algorithm:   ");
		policy_encryption(p, out);
		text_printf(out, "\n        hash algorithm:         %s\n", policy_hash(p->hash));
		text_printf(out, "        authentication method:  %s\n",
		            p->auth == CONFIG_AUTH_PRE_SHARE ? "Pre-Shared Key"
		                                             : "Rivest-Shamir-Adleman Signature");
		text_printf(out, "        Diffie-Hellman group:   #%u (%s)\n", p->group,
		            policy_group(p->group));
		text_printf(out, "        lifetime:               %u seconds, no volume limit\n",
		            p->lifetime);
		if (!config_policy_usable(p, &why))
			text_printf(out, "        not used:               %s\n", why);
	}
}

void isakmp_keys(const struct config *c, struct text *out)
{
	char addr[ADDR_TEXT], mask[ADDR_TEXT], where[2 * ADDR_TEXT + 8];

	text_printf(out,
	            "Keyring      Hostname/Address                            Preshared Key\n\n");
	for (uint32_t i = 0; i < c->n_keys; i++) {
		const struct config_key *k = &c->keys[i];
		struct ip_addr m = prefix_mask(k->address.family == 6 ? 0 : k->prefix_len);

		if (!k->address.family)
			snprintf(where, sizeof(where), "%s", k->hostname);
		else if (k->address.family == 6)
			snprintf(where, sizeof(where), "%s/%u", addr_format(&k->address, addr),
			         k->prefix_len);
		else if (k->prefix_len == 32)
			snprintf(where, sizeof(where), "%s", addr_format(&k->address, addr));
		else
			snprintf(where, sizeof(where), "%-18s [%s]", addr_format(&k->address, addr),
			         addr_format(&m, mask));
		text_printf(out, "%-12s %-43s %s%s\n", "default", where, k->secret,
		            k->type == 6 ? " (type 6, not used)" : "");
	}
}
