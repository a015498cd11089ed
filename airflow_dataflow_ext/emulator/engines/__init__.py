"""The engines that run jobs: scripted timelines, or Apache Beam."""
