// `crypto ipsec`: transform sets and the global values of SAs. Any thread. Must refuse a set whose
// transforms do not go together, whatever their order.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static struct config_ipsec *ipsec(const struct command_call *call)
{
	return &edit_of(call)->config->ipsec;
}

struct transform {
	const char *name;
	bool is_cipher;
	enum sa_cipher cipher;
	uint16_t key_bits;
	enum sa_auth auth;
};

static const struct transform transforms[] = {
	{"esp-des", true, SA_CIPHER_DES_CBC, 0, SA_AUTH_NONE},
	{"esp-3des", true, SA_CIPHER_3DES_CBC, 0, SA_AUTH_NONE},
	{"esp-aes", true, SA_CIPHER_AES_CBC, 128, SA_AUTH_NONE},
	{"esp-gcm", true, SA_CIPHER_AES_GCM_16, 128, SA_AUTH_NONE},
	{"esp-null", true, SA_CIPHER_NULL, 0, SA_AUTH_NONE},
	{"esp-md5-hmac", false, SA_CIPHER_NULL, 0, SA_AUTH_HMAC_MD5_96},
	{"esp-sha-hmac", false, SA_CIPHER_NULL, 0, SA_AUTH_HMAC_SHA1_96},
	{"esp-sha256-hmac", false, SA_CIPHER_NULL, 0, SA_AUTH_HMAC_SHA256_128},
	{"esp-sha384-hmac", false, SA_CIPHER_NULL, 0, SA_AUTH_HMAC_SHA384_192},
	{"esp-sha512-hmac", false, SA_CIPHER_NULL, 0, SA_AUTH_HMAC_SHA512_256},
};

static const struct transform *find_transform(const char *name)
{
	for (unsigned i = 0; i < sizeof(transforms) / sizeof(transforms[0]); i++)
		if (!strcmp(transforms[i].name, name))
			return &transforms[i];
	return NULL;
}

// Takes one transform into the set; `seen` counts ciphers and HMACs.
static int add_transform(struct command_call *call, const struct command_arg *arg,
                         struct config_transform_set *set, unsigned seen[2])
{
	const struct transform *t = find_transform(arg->text);

	if (!t)
		return command_fail(call, arg, "%s is not active in this version", arg->text);
	if (seen[!t->is_cipher]++)
		return command_fail(call, arg, "a transform set has one ESP %s, and there is one",
		                    t->is_cipher ? "cipher" : "hmac");
	if (t->is_cipher) {
		set->cipher = t->cipher;
		set->key_bits = t->key_bits;
	} else {
		set->auth = t->auth;
	}
	return 0;
}

// The arguments behind the set's name: transforms, and key sizes behind their transform.
static int parse_transforms(struct command_call *call, struct config_transform_set *set)
{
	unsigned seen[2] = {0, 0}, n = 0;
	const struct command_arg *last = NULL;

	set->auth = SA_AUTH_NONE;
	for (unsigned i = 4; i < call->n_args; i++) {
		const struct command_arg *arg = &call->args[i];

		if (arg->text[0] >= '0' && arg->text[0] <= '9') {
			set->key_bits = (uint16_t)atoi(arg->text);
			continue;
		}
		if (++n > 3)
			return command_fail(call, arg, "expected at most three transforms");
		if (add_transform(call, arg, set, seen))
			return -EINVAL;
		last = arg;
	}
	if (!seen[0])
		return command_fail(call, last, "a transform set needs an ESP cipher");
	if (sa_cipher_is_aead(set->cipher) && seen[1])
		return command_fail(call, last, "esp-gcm has its own integrity and takes no hmac");
	if (set->cipher == SA_CIPHER_NULL && !seen[1])
		return command_fail(call, last, "esp-null needs an hmac");
	return 0;
}

static int transform_set(struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_transform_set new = {.mode = SA_MODE_TUNNEL, .line = e->line}, *old;

	if (edit_copy(call, "name", new.name, sizeof(new.name)))
		return -EINVAL;
	old = config_list_find(e->config, CONFIG_TRANSFORM_SET, &new);
	if (call->no) {
		if (!old && !strcmp(new.name, "default"))
			return command_ignored(call); // IOS has one unless it is told so
		if (!old)
			return command_fail(call, command_arg(call, "name"),
			                    "transform set %s is not configured", new.name);
		config_list_del(e->config, CONFIG_TRANSFORM_SET, old);
		return 0;
	}
	if (parse_transforms(call, &new))
		return -EINVAL;
	if (old) {
		new.mode = old->mode;
		new.require = old->require;
		*old = new;
	} else if (!config_list_add(e->config, CONFIG_TRANSFORM_SET, &new)) {
		return edit_no_memory(call);
	}
	edit_enter(call, MODE_TRANSFORM_SET, new.name, 0);
	return 0;
}

static int mode(struct command_call *call)
{
	struct edit *e = edit_of(call);
	struct config_transform_set *t = (struct config_transform_set *)config_find_transform_set(
		e->config, e->cursor->name); // the configuration is ours to change
	bool transport = !call->no && command_has(call, "transport");

	t->mode = transport ? SA_MODE_TRANSPORT : SA_MODE_TUNNEL;
	t->require = transport && command_has(call, "require");
	return 0;
}

static int lifetime_seconds(struct command_call *call)
{
	ipsec(call)->seconds = CONFIG_SA_SECONDS;
	if (!call->no)
		ipsec(call)->seconds = (uint32_t)command_number(call, "s", CONFIG_SA_SECONDS);
	return 0;
}

static int lifetime_kilobytes(struct command_call *call)
{
	ipsec(call)->kilobytes = CONFIG_SA_KILOBYTES;
	if (!call->no)
		ipsec(call)->kilobytes = command_number(call, "kb", CONFIG_NO_KILOBYTES);
	return 0;
}

static int esn(struct command_call *call)
{
	ipsec(call)->esn = !call->no;
	return 0;
}

static int idle_time(struct command_call *call)
{
	ipsec(call)->idle_time = call->no ? 0 : (uint32_t)command_number(call, "s", 0);
	if (!call->no)
		edit_notice(call, "idle-time is not active in this version");
	return 0;
}

// On by default, and it stays on.
static int udp_encapsulation(struct command_call *call)
{
	if (call->no && !call->is_default)
		return command_fail(call, NULL,
		                    "NAT traversal cannot be switched off in this version");
	return 0;
}

// A deny line goes on to the next entry, which is IOS's default.
static int ipv4_deny(struct command_call *call)
{
	enum config_deny deny = CONFIG_DENY_JUMP;

	if (!call->no && command_has(call, "clear"))
		deny = CONFIG_DENY_CLEAR;
	else if (!call->no && command_has(call, "drop"))
		deny = CONFIG_DENY_DROP;
	if (deny == CONFIG_DENY_CLEAR)
		edit_notice(call, "ipv4-deny clear is not active in this version: what an access "
		                  "list denies goes on to the next crypto map entry, as with "
		                  "'jump'");
	else if (deny == CONFIG_DENY_DROP)
		edit_warning(call, "ipv4-deny drop is not active in this version: what an access "
		                   "list denies goes on to the next crypto map entry, as with "
		                   "'jump', and leaves in clear if none permits it");
	ipsec(call)->deny = deny;
	return 0;
}

static const struct command_word words[] = {
	{"ipsec", "Configure IPSEC policy"},
	{"profile", "Configure an ipsec policy profile (not active)"},
	{"rest", "Not active in this version"},
	{"transform-set", "Define transform and settings"},
	{"name", "Transform set tag"},
	{"esp-des", "ESP transform using DES cipher (56 bits)"},
	{"esp-3des", "ESP transform using 3DES(EDE) cipher (168 bits)"},
	{"esp-aes", "ESP transform using AES cipher"},
	{"esp-gcm", "ESP transform using GCM cipher"},
	{"esp-gmac", "ESP transform using GMAC cipher (not active)"},
	{"esp-null", "ESP transform w/o cipher"},
	{"esp-md5-hmac", "ESP transform using HMAC-MD5 auth"},
	{"esp-sha-hmac", "ESP transform using HMAC-SHA auth"},
	{"esp-sha256-hmac", "ESP transform using HMAC-SHA256 auth"},
	{"esp-sha384-hmac", "ESP transform using HMAC-SHA384 auth"},
	{"esp-sha512-hmac", "ESP transform using HMAC-SHA512 auth"},
	{"ah-md5-hmac", "AH-HMAC-MD5 transform (not active)"},
	{"ah-sha-hmac", "AH-HMAC-SHA transform (not active)"},
	{"ah-sha256-hmac", "AH-HMAC-SHA256 transform (not active)"},
	{"comp-lzs", "IP Compression using the LZS compression algorithm (not active)"},
	{"128", "128 bit keys"},
	{"192", "192 bit keys"},
	{"256", "256 bit keys"},
	{"mode", "Encapsulation mode (transport/tunnel)"},
	{"tunnel", "Tunnel mode (default)"},
	{"transport", "Transport mode, for traffic between the gateways themselves"},
	{"require", "Transport mode only: other traffic gets no tunnel instead"},
	{"security-association", "Security association parameters"},
	{"s", "Security association duration in seconds"},
	{"esn", "Negotiate extended (64-bit) sequence numbers"},
	{"idle-time", "Automatically delete IPSec SAs after a given idle period"},
	{"nat-transparency", "IPsec NAT transparency model"},
	{"udp-encapsulation", "UDP encapsulation of IPsec packets behind a NAT (default)"},
	{"spi-matching", "Match inbound SPIs to outbound ones (not active)"},
	{"ipv4-deny", "What a deny line of a crypto map's access list means"},
	{"jump", "On to the next entry of the crypto map (default)"},
	{"clear", "Send in clear (not active)"},
	{"drop", "Drop (not active)"},
	{NULL, NULL},
};

static const struct command_word volume_words[] = {
	{"ipsec", "Configure IPSEC policy"},
	{"security-association", "Security association parameters"},
	{"kb", "Security association duration in kilobytes encrypted"},
	{"disable", "Disable volume-based rekeying"},
	{NULL, NULL},
};

static const struct command commands[] = {
	{MODE_CONFIG,
         "crypto ipsec transform-set name:WORD {esp-des|esp-3des|esp-aes [128|192|256]|"
         "esp-gcm [128|192|256]|esp-gmac [128|192|256]|esp-null|esp-md5-hmac|esp-sha-hmac|"
         "esp-sha256-hmac|esp-sha384-hmac|esp-sha512-hmac|ah-md5-hmac|ah-sha-hmac|"
         "ah-sha256-hmac|comp-lzs}+",
         "crypto ipsec transform-set name:WORD", transform_set, words},
	{MODE_TRANSFORM_SET, "mode {tunnel|transport [require]}", "mode", mode, words},
	{MODE_CONFIG, "crypto ipsec security-association lifetime seconds s:<120-86400>",
         "crypto ipsec security-association lifetime seconds", lifetime_seconds, words},
	{MODE_CONFIG,
         "crypto ipsec security-association lifetime kilobytes {kb:<2560-4294967295>|disable}",
         "crypto ipsec security-association lifetime kilobytes", lifetime_kilobytes, volume_words},
	{MODE_CONFIG, "crypto ipsec security-association esn", "", esn, words},
	{MODE_CONFIG, "crypto ipsec security-association idle-time s:<60-86400>",
         "crypto ipsec security-association idle-time", idle_time, words},
	{MODE_CONFIG, "crypto ipsec ipv4-deny {jump|clear|drop}", "crypto ipsec ipv4-deny",
         ipv4_deny, words},
	{MODE_CONFIG, "crypto ipsec profile rest:LINE", "", command_inactive, words},
	{MODE_CONFIG, "crypto ipsec nat-transparency udp-encapsulation", "", udp_encapsulation,
         words},
	{MODE_CONFIG, "crypto ipsec nat-transparency spi-matching", "", command_inactive, words},
};

const struct command_table commands_ipsec = {commands, sizeof(commands) / sizeof(commands[0]),
                                             1u << CONFIG_TRANSFORM_SET};
