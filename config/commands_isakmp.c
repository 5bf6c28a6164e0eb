// `crypto isakmp`: policies, keys, identity, keepalive. Any thread. A value that IKE cannot use in
// this version is kept and shown; usable.c says what can be negotiated.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "commands.h"
#include "secret.h"

static struct config_isakmp *isakmp(const struct command_call *call)
{
	return &edit_of(call)->config->isakmp;
}

static struct config_policy *current(const struct command_call *call)
{
	struct edit *e = edit_of(call);

	// the configuration is ours to change
	return (struct config_policy *)config_find_policy(e->config, (uint16_t)e->cursor->number);
}

static int policy_enter(struct command_call *call)
{
	struct edit *e = edit_of(call);
	const struct command_arg *arg = command_arg(call, "priority");
	// IOS's defaults, which nobody should use and check.c says so
	struct config_policy new = {
		.priority = (uint16_t)arg->number,
		.encr = CONFIG_ENCR_DES,
		.hash = CONFIG_HASH_SHA1,
		.auth = CONFIG_AUTH_RSA_SIG,
		.group = 1,
		.lifetime = CONFIG_POLICY_LIFETIME,
		.line = e->line,
	};
	struct config_policy *old = config_list_find(e->config, CONFIG_POLICY, &new);

	if (call->no) {
		if (!old)
			return command_fail(call, arg, "policy %s is not configured", arg->text);
		config_list_del(e->config, CONFIG_POLICY, old);
		return 0;
	}
	if (!old && !config_list_add(e->config, CONFIG_POLICY, &new))
		return edit_no_memory(call);
	edit_enter(call, MODE_ISAKMP_POLICY, "", new.priority);
	return 0;
}

static int encryption(struct command_call *call)
{
	struct config_policy *p = current(call);

	p->key_bits = 0;
	if (!call->no && command_has(call, "3des")) {
		p->encr = CONFIG_ENCR_3DES;
	} else if (!call->no && command_has(call, "aes")) {
		p->encr = CONFIG_ENCR_AES;
		p->key_bits = command_has(call, "256") ? 256 : command_has(call, "192") ? 192 : 128;
	} else {
		p->encr = CONFIG_ENCR_DES;
	}
	return 0;
}

static int hash(struct command_call *call)
{
	static const char *const names[] = {"md5", "sha", "sha256", "sha384", "sha512"};

	current(call)->hash = CONFIG_HASH_SHA1;
	for (unsigned i = 0; !call->no && i < 5; i++)
		if (command_has(call, names[i]))
			current(call)->hash = (enum config_hash)i;
	return 0;
}

static int authentication(struct command_call *call)
{
	bool psk = !call->no && command_has(call, "pre-share");

	current(call)->auth = psk ? CONFIG_AUTH_PRE_SHARE : CONFIG_AUTH_RSA_SIG;
	return 0;
}

static int group(struct command_call *call)
{
	current(call)->group = call->no ? 1 : (uint8_t)atoi(call->args[1].text);
	return 0;
}

static int lifetime(struct command_call *call)
{
	current(call)->lifetime = (uint32_t)command_number(call, "s", CONFIG_POLICY_LIFETIME);
	if (call->no)
		current(call)->lifetime = CONFIG_POLICY_LIFETIME;
	return 0;
}

static int key_set(struct command_call *call, struct config_key *new)
{
	struct config *c = edit_of(call)->config;
	struct config_key *old = config_list_find(c, CONFIG_KEY, new);

	if (call->no) {
		if (!old || strcmp(old->secret, new->secret) != 0)
			return command_fail(call, NULL, "there is no such key");
		config_list_del(c, CONFIG_KEY, old);
		return 0;
	}
	if (old)
		*old = *new;
	else if (!config_list_add(c, CONFIG_KEY, new))
		return edit_no_memory(call);
	return 0;
}

static int key(struct command_call *call)
{
	struct config_key new = {
		.type = command_has(call, "6") ? 6 : 0,
		.no_xauth = command_has(call, "no-xauth"),
		.line = edit_of(call)->line,
	};
	const struct command_arg *peer = command_arg(call, "peer");
	int err = 0;

	if (command_has(call, "ipv6"))
		new.prefix_len = (uint8_t)peer->number;
	else if (peer) // 0.0.0.0 is every peer's key, with and without its mask
		new.prefix_len = addr_is_zero(&peer->addr) ? 0 : 32;
	// The mask may leave host bits set (checklist item 39); they are shown as entered.
	if (command_has(call, "mask"))
		err = edit_mask(call, "mask", &new.prefix_len);
	if (!err)
		err = edit_copy(call, "secret", new.secret, sizeof(new.secret));
	if (!err && peer)
		new.address = peer->addr;
	else if (!err)
		err = edit_copy(call, "hostname_", new.hostname, sizeof(new.hostname));
	if (!err)
		err = key_set(call, &new);
	secret_wipe(&new, sizeof(new));
	if (!err && !peer && !call->no)
		edit_notice(call, "a key for a host name is not active in this version: main mode "
		                  "chooses the key before it knows the peer's name, by its "
		                  "address; use 'address'");
	return err;
}

static int identity(struct command_call *call)
{
	enum config_identity id = CONFIG_IDENTITY_ADDRESS;

	if (!call->no && command_has(call, "dn"))
		id = CONFIG_IDENTITY_DN;
	else if (!call->no && command_has(call, "hostname"))
		id = CONFIG_IDENTITY_HOSTNAME;
	if (id == CONFIG_IDENTITY_DN) // there are no certificates
		edit_notice(call,
		            "this identity is not active in this version, the address is sent");
	isakmp(call)->identity = id;
	return 0;
}

// Checklist items 1-7.
static int keepalive(struct command_call *call)
{
	struct config_keepalive off = {.retry = CONFIG_KEEPALIVE_RETRY};
	struct config_keepalive *k = &isakmp(call)->keepalive;

	*k = off;
	if (call->no)
		return 0;
	k->seconds = (uint16_t)command_number(call, "interval", 0);
	k->retry = (uint8_t)command_number(call, "retry", CONFIG_KEEPALIVE_RETRY);
	k->periodic = command_has(call, "periodic");
	return 0;
}

static int nat_keepalive(struct command_call *call)
{
	isakmp(call)->nat_keepalive = call->no ? 0 : (uint16_t)command_number(call, "interval", 0);
	return 0;
}

static int sa_limit(struct command_call *call)
{
	isakmp(call)->sa_limit = call->no ? 0 : (uint32_t)command_number(call, "sas", 0);
	return 0;
}

static int negotiation_limit(struct command_call *call)
{
	isakmp(call)->negotiation_limit = call->no ? 0 : (uint32_t)command_number(call, "sas", 0);
	return 0;
}

static int ipsec_limit(struct command_call *call)
{
	isakmp(call)->ipsec_limit = call->no ? 0 : (uint32_t)command_number(call, "sas", 0);
	return 0;
}

static int rate_limit(struct command_call *call)
{
	isakmp(call)->rate_limit = call->no ? 0 : (uint32_t)command_number(call, "exchanges", 0);
	return 0;
}

static int invalid_spi_recovery(struct command_call *call)
{
	isakmp(call)->invalid_spi_recovery = !call->no;
	return 0;
}

static int aggressive_disable(struct command_call *call)
{
	isakmp(call)->aggressive_disabled = !call->no;
	return 0;
}

// On by default, and the only thing that can be said is that it stays on.
static int enable(struct command_call *call)
{
	if (call->no && !call->is_default)
		return command_fail(call, NULL, "IKE cannot be switched off in this version");
	return 0;
}

static const struct command_word words[] = {
	{"isakmp", "Configure ISAKMP policy"},
	{"policy", "Set policy for an ISAKMP protection suite"},
	{"priority", "Priority of protection suite"},
	{"key", "Long term key operations"},
	{"0", "The key is in clear text"},
	{"6", "The key is encrypted"},
	{"secret", "The pre-shared key"},
	{"address", "Use the IP address"},
	{"peer", "Peer IP address"},
	{"ipv6", "Use the IPv6 address"},
	{"mask", "Peer IP subnet mask"},
	{"hostname", "Use the host name"},
	{"hostname_", "Peer host name"},
	{"no-xauth", "Bypasses XAuth for this peer"},
	{"identity", "Set the identity which ISAKMP will use"},
	{"dn", "Use the distinguished name of the certificate"},
	{"keepalive", "Set a keepalive interval for use with IOS peers"},
	{"nat", "Set a nat keepalive interval for use with IOS peers"},
	{"interval", "Number of seconds between keep alives"},
	{"retry", "Number of seconds between retries if keep alive fails"},
	{"periodic", "Send keepalives at regular intervals"},
	{"on-demand", "Send keepalives only when needed (default)"},
	{"invalid-spi-recovery", "Initiate IKE when a named peer has lost its SAs"},
	{"aggressive-mode", "Aggressive mode"},
	{"disable", "Disable it in both directions"},
	{"enable", "Enable ISAKMP (always)"},
	{"call", "Configure crypto call admission"},
	{"admission", "Configure admission of new SAs"},
	{"limit", "Limit on new SAs"},
	{"ike", "IKE SAs"},
	{"ipsec", "IPsec SAs"},
	{"sa", "Limit on all of them"},
	{"in-negotiation-sa", "Limit on those that are being negotiated"},
	{"sas", "Number of SAs"},
	{"rate", "Limit on how many phase 1 exchanges are admitted a second"},
	{"exchanges", "Exchanges a second that peers begin, and as many of ours"},
	{"encryption", "Set encryption algorithm for protection suite"},
	{"des", "DES - Data Encryption Standard (56 bit keys)"},
	{"3des", "Three key triple DES"},
	{"aes", "AES - Advanced Encryption Standard"},
	{"128", "128 bit keys"},
	{"192", "192 bit keys"},
	{"256", "256 bit keys"},
	{"hash", "Set hash algorithm for protection suite"},
	{"md5", "Message Digest 5"},
	{"sha", "Secure Hash Standard"},
	{"sha256", "Secure Hash Standard 2 (256 bit)"},
	{"sha384", "Secure Hash Standard 2 (384 bit)"},
	{"sha512", "Secure Hash Standard 2 (512 bit)"},
	{"authentication", "Set authentication method for protection suite"},
	{"pre-share", "Pre-Shared Key"},
	{"rsa-sig", "Rivest-Shamir-Adleman Signature"},
	{"rsa-encr", "Rivest-Shamir-Adleman Encryption (not active)"},
	{"ecdsa-sig", "Elliptic Curve Digital Signature (not active)"},
	{"group", "Set the Diffie-Hellman group"},
	{"1", "Diffie-Hellman group 1 (768 bit)"},
	{"2", "Diffie-Hellman group 2 (1024 bit)"},
	{"5", "Diffie-Hellman group 5 (1536 bit)"},
	{"14", "Diffie-Hellman group 14 (2048 bit)"},
	{"15", "Diffie-Hellman group 15 (3072 bit)"},
	{"16", "Diffie-Hellman group 16 (4096 bit)"},
	{"19", "Diffie-Hellman group 19 (256 bit ecp)"},
	{"20", "Diffie-Hellman group 20 (384 bit ecp)"},
	{"21", "Diffie-Hellman group 21 (521 bit ecp)"},
	{"24", "Diffie-Hellman group 24 (not active)"},
	{"lifetime", "Set lifetime for ISAKMP security association"},
	{"s", "Lifetime in seconds"},
	{NULL, NULL},
};

static const struct command_word inactive_words[] = {
	{"isakmp", "Configure ISAKMP policy"},
	{"profile", "Define ISAKMP Profiles (not active)"},
	{"client", "Set client configuration policy (not active)"},
	{"keyring", "Key ring commands (not active)"},
	{"ikev2", "Configure IKEv2 Options (not active)"},
	{"pki", "Public Key components (not active)"},
	{"key", "Long term key operations (not active)"},
	{"gdoi", "Configure GDOI policy (not active)"},
	{"default", "ISAKMP default policies (not active)"},
	{"policy", "ISAKMP default policies (not active)"},
	{"rest", "Not active in this version"},
	{NULL, NULL},
};

static const struct command_word ignored_words[] = {
	{"logging", "Logging of sessions (always)"},
	{"ezvpn", "Of Easy VPN (ignored)"},
	{"ikev2", "Of IKEv2 (ignored)"},
	{"session", "Of sessions that come up and go down (always)"},
	{"rest", "Ignored"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG, "crypto isakmp policy priority:<1-10000>", "", policy_enter, words},
	{MODE_CONFIG,
         "crypto isakmp key [0|6] secret:WORD<1-128> {address peer:A.B.C.D [mask:WILDCARD]|"
         "address ipv6 peer:X:X::X/LEN|"
         "hostname hostname_:WORD} [no-xauth]",
         "", key, words},
	{MODE_CONFIG, "crypto isakmp identity {address|dn|hostname}", "crypto isakmp identity",
         identity, words},
	{MODE_CONFIG,
         "crypto isakmp keepalive interval:<10-3600> [retry:<2-60>] [periodic|on-demand]",
         "crypto isakmp keepalive", keepalive, words},
	{MODE_CONFIG, "crypto isakmp nat keepalive interval:<5-3600>",
         "crypto isakmp nat keepalive", nat_keepalive, words},
	{MODE_CONFIG, "crypto call admission limit ike sa sas:<1-1000000>",
         "crypto call admission limit ike sa", sa_limit, words},
	{MODE_CONFIG, "crypto call admission limit ike in-negotiation-sa sas:<10-99999>",
         "crypto call admission limit ike in-negotiation-sa", negotiation_limit, words},
	{MODE_CONFIG, "crypto call admission limit ipsec sa sas:<2-2000000>",
         "crypto call admission limit ipsec sa", ipsec_limit, words},
	{MODE_CONFIG, "crypto call admission limit ike rate exchanges:<1-100000>",
         "crypto call admission limit ike rate", rate_limit, words},
	{MODE_CONFIG, "crypto isakmp invalid-spi-recovery", "", invalid_spi_recovery, words},
	{MODE_CONFIG, "crypto isakmp aggressive-mode disable", "", aggressive_disable, words},
	{MODE_CONFIG, "crypto isakmp enable", "", enable, words},
	// There are no policies but those that are configured.
	{MODE_CONFIG, "crypto isakmp default policy", "", command_inactive, inactive_words},
	{MODE_CONFIG, "crypto logging {ezvpn|ikev2|session} [rest:LINE]", "", command_ignored,
         ignored_words},
	{MODE_CONFIG, "crypto isakmp profile rest:LINE", "", command_inactive, inactive_words},
	{MODE_CONFIG, "crypto isakmp client rest:LINE", "", command_inactive, inactive_words},
	{MODE_CONFIG, "crypto {keyring|ikev2|pki|key|gdoi} rest:LINE", "", command_inactive,
         inactive_words},
	{MODE_ISAKMP_POLICY, "encryption {des|3des|aes [128|192|256]}", "encryption", encryption,
         words},
	{MODE_ISAKMP_POLICY, "hash {md5|sha|sha256|sha384|sha512}", "hash", hash, words},
	{MODE_ISAKMP_POLICY, "authentication {pre-share|rsa-sig}", "authentication", authentication,
         words},
	{MODE_ISAKMP_POLICY, "authentication {rsa-encr|ecdsa-sig}", "", command_inactive, words},
	{MODE_ISAKMP_POLICY, "group {1|2|5|14|15|16|19|20|21|24}", "group", group, words},
	{MODE_ISAKMP_POLICY, "lifetime s:<60-86400>", "lifetime", lifetime, words},
};

const struct command_table commands_isakmp = {commands, sizeof(commands) / sizeof(commands[0]),
                                              1u << CONFIG_POLICY | 1u << CONFIG_KEY};
