#!/usr/bin/perl
# Seals a message as a forwarder does (RFC 8617), by Mail::DKIM: JSON in, the message out.
#
# In: `message` (base64, with an Authentication-Results field of `server`), `server`, `domain`,
# `selector`, `key` (RSA, base64 of its DER form) and `chain`, the state of the chain so far.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use Mail::DKIM::ARC::Signer;
use Mail::DKIM::PrivateKey;

my $order = decode_json(do { local $/; <STDIN> });
my $message = decode_base64($order->{message});
$message =~ s/\r?\n/\r\n/g;
my $signer = Mail::DKIM::ARC::Signer->new(
    Algorithm => 'rsa-sha256',
    Chain     => $order->{chain},
    Domain    => $order->{domain},
    Selector  => $order->{selector},
    SrvId     => $order->{server},
    Headers   => 'from:to:subject:date:message-id:mime-version:content-type:dkim-signature',
    Key       => Mail::DKIM::PrivateKey->load(Data => $order->{key}),
);
$signer->PRINT($message);
$signer->CLOSE();
die($signer->{details} // 'no seal') if $signer->result ne 'sealed';
print join("\r\n", $signer->as_strings, $message);
